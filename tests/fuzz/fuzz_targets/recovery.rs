//! A log on a directory of any content opens or is refused. One that opens opens again as it was, is read without a
//! panic, and takes an append that is read back.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use fuzz::dir::{Scene, read_all};
use fuzz::{Input, NOW};
use libfuzzer_sys::fuzz_target;
use protocol::record::{Batch, BatchBuilder, BatchOptions};
use protocol::{LeaderEpoch, Offset};
use storage::compaction::{OffsetMap, Unhurried, clean};
use storage::log::{LeaderAppend, ReadRequest};
use storage::producer::Origin;
use storage::validate::{Rules, validate};
use storage::{Error, Log};

fn offsets(log: &Log) -> [Offset; 3] {
    [log.log_start_offset(), log.log_end_offset(), log.high_watermark()]
}

/// What must be the same after every start of a log that has been checked whole. (The leader epochs are not: when a
/// whole log is recovered for want of an index, they are known better than by the next start, which goes by their file.)
fn state(log: &Log) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut producers = log.producers();
    producers.sort_by_key(|(producer_id, _)| *producer_id);
    (log.last_stable_offset(), producers)
}

/// Appends a record and reads it back. Of a log that nobody has checked it is only asked that it does not panic.
fn append_and_read(log: &Log, scene: &Scene, must_succeed: bool) {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, Some(b"key"), Some(b"value"), &[]);
    let records = Bytes::from(builder.build());
    let rules = Rules { config: &scene.config, origin: Origin::Client, now: NOW };
    let records = validate(&records, &rules).expect("it is a good batch");
    let append = LeaderAppend::new(&records, Origin::Client);
    let epoch = log.latest_epoch().unwrap_or(LeaderEpoch(0));
    let end = log.log_end_offset();
    if end >= Offset(i64::MAX - 2) {
        // There are no offsets left to give out.
        return;
    }
    let appended = log.append_as_leader(&[append], epoch, NOW).pop().expect("one was given");
    let request = ReadRequest {
        offset: end,
        max_bytes: 1 << 20,
        bound: log.log_end_offset(),
        at_least_one: true,
        may_block: true,
    };
    let fetched = log.read(&request);
    if must_succeed {
        assert_eq!(appended.expect("the log takes it").first_offset, end);
        let records = fetched.expect("it was appended").records.expect("it was appended");
        let batch = Batch::first(&records).expect("a read returns whole batches");
        assert_eq!(batch.header().base_offset, end);
    }
}

/// Where the batch begins that holds `offset`: a history ends, and so logs are truncated, between batches only.
fn batch_start(log: &Log, offset: Offset) -> Offset {
    let request = ReadRequest {
        offset,
        max_bytes: 1,
        bound: log.log_end_offset(),
        at_least_one: true,
        may_block: true,
    };
    let records = log.read(&request).ok().and_then(|fetched| fetched.records);
    let first = records.as_ref().and_then(|records| Batch::first(records).ok());
    first.map_or(offset, |batch| batch.header().base_offset)
}

/// Does to the log what a broker may do to any log.
fn change(log: &Log, action: u8, offset: Offset) -> Result<(), Error> {
    match action % 6 {
        1 => drop(log.truncate_to(batch_start(log, offset), NOW)?),
        2 if offset < Offset(i64::MAX - 10) => log.truncate_fully(offset, NOW)?,
        3 => {
            log.update_high_watermark(offset);
            log.delete_records_before(offset)?;
            log.enforce_retention(NOW)?;
        }
        4 => {
            log.update_high_watermark(log.log_end_offset());
            let plan = log.plan_cleaning(offset, NOW)?;
            let mut map = OffsetMap::new(1 << 12, 0.9);
            clean(log, &plan, &mut map, &mut Unhurried, 7, NOW)?;
        }
        5 => {
            log.offset_for_timestamp(NOW)?;
            log.offset_of_max_timestamp()?;
            log.aborted_transactions(log.log_start_offset(), offset)?;
        }
        _ => {}
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (action, offset) = (input.byte(), input.offset());
    let mut scene = Scene::read(&mut input);
    let Ok((_, first)) = scene.open() else { return };
    let expected = (offsets(&first.log), state(&first.log));
    drop(first);
    let (dir, second) = scene.open().expect("what was opened opens again");
    let log = Arc::clone(&second.log);
    let is_all_checked = !scene.was_clean && scene.recovery_point == Offset::ZERO;
    assert_eq!(offsets(&log), expected.0);
    // What is known of producers from before the start of the log depends on where reading began.
    if is_all_checked && scene.log_start == Offset::ZERO {
        assert_eq!(state(&log), expected.1);
    }
    read_all(&log, is_all_checked);
    append_and_read(&log, &scene, is_all_checked);
    dir.run_chores(NOW.0);
    if change(&log, action, offset).is_err() {
        return;
    }
    let Some(batches_end) = read_all(&log, is_all_checked) else { return };
    dir.run_chores(NOW.0);
    if log.close().is_err() {
        return;
    }
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    drop((log, second, dir));
    (scene.was_clean, scene.recovery_point, scene.log_start) = (true, end, start);
    let (_, third) = scene.open().expect("what was closed opens again");
    let log = third.log;
    assert_eq!(log.log_start_offset(), start);
    // Behind the last batch there are offsets without records if a truncation has left them, which only memory knows.
    let end_now = log.log_end_offset();
    assert!((batches_end..=end).contains(&end_now), "{end_now} is not in {batches_end}..={end}");
    read_all(&log, is_all_checked);
});
