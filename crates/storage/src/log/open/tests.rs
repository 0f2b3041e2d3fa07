//! What a directory becomes, whatever was going on when the last process ended.

use protocol::record::BatchOptions;

use super::*;
use crate::error::Error;
use crate::files::partition_metadata;
use crate::testing::batches::{NOW, keyed, plain, replicated, sized};
use crate::testing::logs::TestLog;

/// Three segments of two batches of one record, and their snapshots: offsets 0 to 5.
fn segmented() -> TestLog {
    let bytes = sized(1, 100);
    let test = TestLog::with(|config| {
        config.segment_bytes = u32::try_from(bytes.len()).unwrap() * 2;
    });
    test.fill(&bytes, 6);
    test.log.close().unwrap();
    test
}

/// Opens the directory as after a kill.
fn open(test: &mut TestLog) {
    let options = test.checkpointed();
    test.open(options);
}

fn name(base_offset: i64, suffix: &str) -> String {
    format!("{base_offset:020}.{suffix}")
}

#[test]
fn remains_of_what_was_going_on_are_cleared_away() {
    let mut test = segmented();
    let remains = [
        "log.deleted",
        "index.deleted",
        "timeindex.deleted",
        "txnindex.deleted",
        "log.cleaned",
        "index.cleaned",
        "truncated",
        "snapshot.tmp",
    ];
    for suffix in remains {
        std::fs::write(test.file(&name(2, suffix)), "x").unwrap();
    }
    // Indexes without a log, and a file that is nobody's.
    std::fs::write(test.file(&name(77, "index")), "x").unwrap();
    std::fs::write(test.file(&name(77, "timeindex")), "x").unwrap();
    std::fs::write(test.file("notes"), "x").unwrap();
    open(&mut test);
    assert_eq!(test.offsets(), [0, 1, 2, 3, 4, 5]);
    assert!(remains.iter().all(|suffix| test.files(suffix).is_empty()));
    assert_eq!((test.files("index").len(), test.files("notes").len()), (6, 1));
}

#[test]
fn swap_is_finished_or_undone_from_every_stage() {
    let cleaned = keyed(BatchOptions::default(), NOW, &[("cleaned", None); 4]);
    let (log, index, time) = ("log", "index", "timeindex");
    let live =
        [name(0, log), name(0, index), name(0, time), name(2, log), name(2, index), name(2, time)];
    // The files of the segments 0 and 2 that are left, those of the cleaned one, and whether that one counts.
    let rows: [(&str, &[&str], &[&str], bool); 8] = [
        ("being written", &[], &["log.cleaned", "index.cleaned"], false),
        ("written", &[], &["log.cleaned", "index.swap", "timeindex.swap"], false),
        ("to be swapped", &[], &["log.swap", "index.swap", "timeindex.swap"], true),
        ("one old log is gone", &[&live[0]], &["log.swap", "index.swap"], true),
        (
            "one old segment is gone",
            &[&live[0], &live[1], &live[2]],
            &["log.swap", "index.swap"],
            true,
        ),
        (
            "all are gone",
            &[&live[0], &live[1], &live[2], &live[3], &live[4], &live[5]],
            &["log.swap", "index.swap"],
            true,
        ),
        (
            "one index has its name",
            &[&live[0], &live[1], &live[2], &live[3], &live[4], &live[5]],
            &["log.swap", "index"],
            true,
        ),
        (
            "Kafka names the log first",
            &[&live[0], &live[1], &live[2], &live[3], &live[4], &live[5]],
            &["log", "index.swap", "timeindex.swap"],
            true,
        ),
    ];
    for (stage, gone, there, counts) in rows {
        let mut test = segmented();
        for name in gone {
            std::fs::remove_file(test.file(name)).unwrap();
        }
        for suffix in there {
            let bytes = if suffix.starts_with("log") { &cleaned[..] } else { &[] };
            std::fs::write(test.file(&name(0, suffix)), bytes).unwrap();
        }
        open(&mut test);
        let keys: Vec<_> =
            test.records().into_iter().map(|(offset, key, _)| (offset, key.unwrap())).collect();
        let is_cleaned: Vec<_> = keys.iter().map(|(_, key)| key == "cleaned").collect();
        let expected =
            if counts { vec![true, true, true, true, false, false] } else { vec![false; 6] };
        assert_eq!(is_cleaned, expected, "{stage}");
        assert_eq!(test.offsets(), [0, 1, 2, 3, 4, 5], "{stage}");
        let left = test.files(".swap").len() + test.files(".cleaned").len();
        assert_eq!(left, 0, "{stage}");
        assert_eq!(test.append(&plain(1)).first_offset, Offset(6), "{stage}");
    }
}

#[test]
fn swap_behind_an_unfinished_cleaning_is_undone() {
    let mut test = segmented();
    let cleaned = keyed(BatchOptions::default(), NOW, &[("cleaned", None); 2]);
    std::fs::write(test.file(&name(0, "log.swap")), &cleaned).unwrap();
    std::fs::write(test.file(&name(2, "log.swap")), &cleaned).unwrap();
    std::fs::write(test.file(&name(2, "index.cleaned")), "").unwrap();
    open(&mut test);
    let keys: Vec<_> = test.records().into_iter().map(|(_, key, _)| key.unwrap()).collect();
    assert_eq!(keys[..4], ["cleaned", "cleaned", "key 0", "key 0"]);
}

/// The batch with its last byte lost, as a power loss leaves it.
fn torn_inside(batch: &[u8]) -> Vec<u8> {
    let mut torn = batch.to_vec();
    *torn.last_mut().unwrap() ^= 0xff;
    torn
}

#[test]
fn file_made_for_the_next_segment_counts_if_it_was_written_to() {
    let rows = [
        ("whole", replicated(6, 0, 2).to_vec(), vec![6, 7]),
        (
            "torn behind its first",
            [replicated(6, 0, 1), replicated(7, 0, 1).slice(..70)].concat(),
            vec![6],
        ),
        ("empty", Vec::new(), vec![]),
        ("zeros", vec![0; 4096], vec![]),
        ("less than a header", replicated(6, 0, 1).slice(..60).to_vec(), vec![]),
        ("torn inside its first", torn_inside(&replicated(6, 0, 2)), vec![]),
        ("with a name from before the others", replicated(3, 0, 1).to_vec(), vec![]),
        // A crash came between the two names of one file.
        ("with the name of another", replicated(4, 0, 2).to_vec(), vec![]),
    ];
    for (state, bytes, offsets) in rows {
        let mut test = segmented();
        std::fs::write(test.file(SPARE_FILE), bytes).unwrap();
        open(&mut test);
        let expected: Vec<_> = (0..6).chain(offsets).collect();
        assert_eq!(test.offsets(), expected, "{state}");
        assert_eq!(test.files(SPARE_FILE), Vec::<String>::new(), "{state}");
        let next = Offset(*expected.last().unwrap() + 1);
        assert_eq!(test.append(&plain(1)).first_offset, next, "{state}");
    }
}

#[test]
fn log_without_files_begins_at_its_start() {
    let mut test = TestLog::new();
    for entry in std::fs::read_dir(test.path()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let mut options = test.checkpointed();
    (options.log_start, options.high_watermark) = (Offset(42), Offset(50));
    test.open(options);
    let log = &test.log;
    let offsets = [log.log_start_offset(), log.high_watermark(), log.log_end_offset()];
    assert_eq!(offsets, [Offset(42); 3]);
    assert_eq!(test.append(&plain(1)).first_offset, Offset(42));
    test.kill();
    assert_eq!(test.offsets(), [42]);
}

#[test]
fn topic_id_is_that_of_the_directory() {
    let mut test = TestLog::new();
    assert_eq!(test.log.topic_id(), None);
    let topic_id = TopicId([7; 16]);
    let path = test.file(partition_metadata::FILE_NAME);
    std::fs::write(&path, partition_metadata::encode(topic_id)).unwrap();
    open(&mut test);
    assert_eq!(test.log.topic_id(), Some(topic_id));
    std::fs::write(&path, "version: 0").unwrap();
    let mut options = test.checkpointed();
    test.try_open(options.clone()).unwrap();
    assert_eq!(test.log.topic_id(), None, "what was never flushed may be torn");
    options.recovery_point = Offset(1);
    let refused = test.try_open(options);
    assert!(matches!(refused, Err(Error::Corrupt { path: at, .. }) if at == path));
}

#[test]
fn segment_larger_than_the_topic_now_has_them_is_read_whole() {
    let mut test = TestLog::new();
    test.fill(&sized(1, 1_000), 20);
    test.log.close().unwrap();
    let mut options = test.checkpointed();
    let mut config = TopicConfig::clone(&options.config);
    (config.segment_bytes, config.segment_index_bytes) = (2_000, 24);
    (options.config, options.recovery_point) = (Arc::new(config), Offset(0));
    let _ = std::fs::remove_file(test.file(&name(0, "index")));
    test.open(options);
    assert_eq!(test.offsets(), (0..20).collect::<Vec<_>>());
    assert_eq!(test.dir.offline_reason(), None);
    test.append(&plain(1));
    assert_eq!(test.log.segment_count(), 2);
}
