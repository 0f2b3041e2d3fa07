//! Records of any bytes are appended or refused, by clients, coordinators and leaders; the log that comes of it is read
//! whole, and recovered as it was.

#![no_main]

use bytes::Bytes;
use fuzz::dir::{Scene, read_all};
use fuzz::{Input, NOW, batches};
use libfuzzer_sys::fuzz_target;
use protocol::LeaderEpoch;
use storage::Log;
use storage::log::LeaderAppend;
use storage::producer::Origin;
use storage::validate::{Rules, validate};

/// Appends one piece of the input.
///
/// | byte | what                                                       |
/// |------|------------------------------------------------------------|
/// | 0    | who appends; batches mended or built                       |
/// | 1    | leader epoch                                               |
/// | 2    | length                                                     |
/// | ...  | content                                                    |
fn append(log: &Log, scene: &Scene, input: &mut Input<'_>) {
    let (choice, epoch) = (input.byte(), LeaderEpoch(input.byte().into()));
    let content = input.sized();
    let mut records = Vec::new();
    if choice & 4 == 0 {
        records.extend_from_slice(content);
        batches::mend(&mut records);
    } else {
        batches::build(&mut Input(content), &mut records);
    }
    let records = Bytes::from(records);
    let origin = match choice & 3 {
        0 => Origin::Client,
        1 => Origin::Coordinator,
        _ => {
            // After an error a part may have been appended.
            if let Ok(appended) = log.append_as_follower(&records, epoch, NOW) {
                assert_eq!(appended.last_offset.next(), log.log_end_offset());
            }
            return;
        }
    };
    let rules = Rules { config: &scene.config, origin, now: NOW };
    let Ok(records) = validate(&records, &rules) else { return };
    let append = LeaderAppend::new(&records, origin);
    for result in log.append_as_leader(&[append, append], epoch, NOW).into_iter().flatten() {
        assert!(result.last_offset < log.log_end_offset());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let scene = Scene::empty();
    let (dir, opened) = scene.open().expect("an empty directory opens");
    let log = opened.log;
    while !input.is_empty() {
        append(&log, &scene, &mut input);
        dir.run_chores(NOW.0);
    }
    assert_eq!(dir.offline_reason(), None);
    read_all(&log, true);
    let end = log.log_end_offset();
    drop((log, dir));
    let (_, opened) = scene.open().expect("what was appended opens");
    assert_eq!((opened.log.log_end_offset(), opened.truncated_bytes), (end, 0));
    read_all(&opened.log, true);
});
