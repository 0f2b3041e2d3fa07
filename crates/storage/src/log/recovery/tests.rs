//! Damage of every kind, and what a log looks like after it.

use protocol::ProducerId;
use protocol::record::{BatchOptions, ControlType};

use super::*;
use crate::testing::batches::{
    NOW, at, later, marker, plain, producer, replicated, sized, transactional,
};
use crate::testing::logs::TestLog;

/// One segment of ten batches of two records, with an index entry each: offsets 0 to 19.
fn filled() -> TestLog {
    let test = TestLog::with(|config| config.index_interval_bytes = 0);
    for second in 0..10 {
        test.append(&at(BatchOptions::default(), 2, 100, later(second * 1_000)));
    }
    test
}

/// Five segments of two batches of two records.
fn segmented() -> TestLog {
    let test = TestLog::with(|config| {
        config.segment_bytes = u32::try_from(sized(2, 100).len()).unwrap() * 2;
        config.index_interval_bytes = 0;
    });
    test.fill(&sized(2, 100), 10);
    test
}

fn batch_bytes() -> usize {
    sized(2, 100).len()
}

fn up_to(end: i64) -> Vec<i64> {
    (0..end).collect()
}

/// Changes a file of the log, which is about to be opened.
fn edit(test: &TestLog, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = test.file(name);
    let mut bytes = std::fs::read(&path).unwrap();
    edit(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

const FIRST: &str = "00000000000000000000.log";

#[test]
fn torn_tail_is_cut_at_the_last_whole_batch() {
    let whole = batch_bytes();
    for torn in [1, 11, 12, 16, 17, 60, 61, 62, whole / 2, whole - 1] {
        let mut test = filled();
        edit(&test, FIRST, |bytes| bytes.truncate(whole * 7 + torn));
        let opened = test.kill_with(Offset(0));
        assert_eq!(opened.truncated_bytes, torn as u64);
        assert_eq!(test.offsets(), up_to(14), "{torn} bytes of a batch");
        assert_eq!(std::fs::metadata(test.file(FIRST)).unwrap().len(), whole as u64 * 7);
        assert_eq!(test.append(&plain(1)).first_offset, Offset(14));
        test.kill();
        assert_eq!(test.offsets(), up_to(15));
        let newest = test.log.offset_of_max_timestamp().unwrap();
        assert_eq!(newest.map(|found| found.timestamp), Some(later(6_000)));
    }
}

#[test]
fn garbage_behind_the_end_is_cut() {
    let next = replicated(20, 0, 2);
    let patched = |at: usize, byte: u8| {
        let mut bytes = next.to_vec();
        bytes[at] ^= byte;
        bytes
    };
    let rows: [(&str, Vec<u8>); 9] = [
        ("zeros", vec![0; 10_000]),
        ("ones", vec![0xff; 10_000]),
        ("text", b"what is this doing here".repeat(99)),
        ("a flipped bit in a record", patched(100, 1)),
        ("a length without end", patched(8, 0x7f)),
        ("a negative length", patched(8, 0x80)),
        ("another magic", patched(16, 3)),
        ("an offset from before", replicated(19, 0, 2).to_vec()),
        ("an offset far away", replicated(i64::from(i32::MAX) + 100, 0, 2).to_vec()),
    ];
    for (name, garbage) in rows {
        let mut test = filled();
        edit(&test, FIRST, |bytes| bytes.extend_from_slice(&garbage));
        let opened = test.kill_with(Offset(0));
        assert_eq!(opened.truncated_bytes, garbage.len() as u64, "{name}");
        assert_eq!(test.offsets(), up_to(20), "{name}");
    }
    let mut test = filled();
    edit(&test, FIRST, |bytes| bytes.extend_from_slice(&next));
    assert_eq!(test.kill_with(Offset(0)).truncated_bytes, 0);
    assert_eq!(test.offsets(), up_to(22), "a good batch is no garbage");
}

#[test]
fn bytes_of_an_older_epoch_are_a_history_that_was_truncated() {
    let mut test = TestLog::new();
    let fetched = [replicated(0, 3, 2), replicated(2, 5, 2)].concat();
    test.log.append_as_follower(&fetched.into(), LeaderEpoch(5), NOW).unwrap();
    edit(&test, FIRST, |bytes| bytes.extend_from_slice(&replicated(4, 4, 2)));
    test.kill_with(Offset(0));
    assert_eq!((test.offsets(), test.log.latest_epoch()), (up_to(4), Some(LeaderEpoch(5))));
}

#[test]
fn segments_behind_a_torn_one_go() {
    let mut test = segmented();
    edit(&test, "00000000000000000008.log", |bytes| bytes.truncate(batch_bytes() + 100));
    let opened = test.kill_with(Offset(0));
    assert_eq!((test.offsets(), test.log.segment_count()), (up_to(10), 3));
    assert_eq!(opened.truncated_bytes, 100 + 4 * batch_bytes() as u64);
    assert_eq!((test.files(".log").len(), test.files("index").len()), (3, 6));
    test.kill();
    assert_eq!(test.offsets(), up_to(10));
}

#[test]
fn recovery_reads_from_the_recovery_point_only() {
    let mut test = filled();
    let size = 10 * batch_bytes() as u64;
    // A byte below it that nobody looks at.
    edit(&test, FIRST, |bytes| bytes[70] ^= 1);
    test.log.checkpoint().unwrap();
    test.append(&sized(2, 100));
    let opened = test.kill();
    assert!(opened.recovered_bytes <= 2 * batch_bytes() as u64, "{}", opened.recovered_bytes);
    assert_eq!((opened.truncated_bytes, test.log.size()), (0, size + batch_bytes() as u64));
    let opened = test.kill_with(Offset(22));
    assert!(opened.recovered_bytes <= batch_bytes() as u64, "{}", opened.recovered_bytes);

    let mut test = segmented();
    test.log.checkpoint().unwrap();
    edit(&test, "00000000000000000004.log", |bytes| bytes[70] ^= 1);
    let opened = test.kill();
    assert!(opened.recovered_bytes <= batch_bytes() as u64, "{}", opened.recovered_bytes);
    assert_eq!(test.log.segment_count(), 5);
}

#[test]
fn what_is_cut_teaches_nothing_of_its_producer() {
    let mut test = TestLog::new();
    test.append(&plain(1));
    test.log.checkpoint().unwrap();
    let end = test.bytes().len();
    test.append(&at(producer(5, 0, 0), 3, 10, NOW));
    // The batch is torn, and says that it is of an offset below the recovery point.
    edit(&test, FIRST, |bytes| {
        bytes[end..end + 8].fill(0);
        *bytes.last_mut().unwrap() ^= 1;
    });
    test.kill();
    assert_eq!(test.offsets(), [0]);
    assert!(test.log.producers().is_empty());
}

#[test]
fn damage_below_the_recovery_point_costs_no_other_record() {
    // The indexes are gone, so all is read; what was on stable storage is not given up for one bad batch.
    for was_clean in [true, false] {
        let mut test = segmented();
        test.log.close().unwrap();
        edit(&test, "00000000000000000004.log", |bytes| bytes[70] ^= 1);
        edit(&test, "00000000000000000008.log", |bytes| bytes[batch_bytes() + 16] = 9);
        for name in test.files("index") {
            std::fs::remove_file(test.file(&name)).unwrap();
        }
        let mut options = test.checkpointed();
        (options.was_clean, options.recovery_point) = (was_clean, Offset(20));
        let opened = test.open(options);
        assert_eq!((opened.truncated_bytes, test.log.segment_count()), (0, 5), "{was_clean}");
        assert_eq!(test.log.log_end_offset(), Offset(20));
        assert_eq!(test.append(&plain(1)).first_offset, Offset(20));
    }
}

#[test]
fn missing_indexes_are_built_anew() {
    for was_clean in [true, false] {
        let mut test = segmented();
        test.append(&at(transactional(1, 0, 0), 1, 10, NOW));
        test.mark(&marker(ControlType::Abort, 1, 0, 0));
        test.replicate();
        let expected =
            (test.bytes(), test.log.aborted_transactions(Offset(0), Offset(22)).unwrap());
        assert_eq!(expected.1.len(), 1);
        test.log.close().unwrap();
        let read = |test: &TestLog| {
            let names = test.files("index");
            names.iter().map(|name| std::fs::read(test.file(name)).unwrap()).collect::<Vec<_>>()
        };
        let indexes = read(&test);
        for name in test.files("index") {
            std::fs::remove_file(test.file(&name)).unwrap();
        }
        let mut options = test.checkpointed();
        options.was_clean = was_clean;
        test.open(options);
        let found = test.log.aborted_transactions(Offset(0), Offset(22)).unwrap();
        assert_eq!((test.bytes(), found), expected, "{was_clean}");
        test.log.close().unwrap();
        assert_eq!(read(&test), indexes, "{was_clean}");
    }
}

#[test]
fn short_and_wrong_indexes_are_built_anew() {
    type Edit = fn(&mut Vec<u8>);
    let edits: [(&str, Edit); 6] = [
        ("emptied", |bytes| bytes.clear()),
        ("short", |bytes| bytes.truncate(bytes.len() / 2 / 24 * 24)),
        ("torn", |bytes| bytes.truncate(bytes.len() - 1)),
        ("with zeros behind", |bytes| bytes.extend_from_slice(&[0; 240])),
        ("of zeros", |bytes| bytes.fill(0)),
        ("of ones", |bytes| bytes.fill(0xff)),
    ];
    for (name, change) in edits {
        for file in ["00000000000000000000.index", "00000000000000000000.timeindex"] {
            for recovery_point in [0, 13, 20] {
                let mut test = filled();
                test.log.close().unwrap();
                edit(&test, file, change);
                test.kill_with(Offset(recovery_point));
                assert_eq!(test.offsets(), up_to(20), "{file} {name} {recovery_point}");
                for second in 0..10 {
                    let found = test.log.offset_for_timestamp(later(second * 1_000)).unwrap();
                    let offset = found.map(|found| found.offset.0);
                    assert_eq!(offset, Some(second * 2), "{file} {name} {recovery_point}");
                }
                test.append(&plain(1));
                test.reopen();
                assert_eq!(test.offsets(), up_to(21), "{file} {name} {recovery_point}");
            }
        }
    }
}

#[test]
fn producers_are_known_after_a_kill_with_and_without_snapshots() {
    for has_snapshots in [true, false] {
        let mut test = segmented();
        for number in 0..3 {
            test.append(&at(producer(number, 0, 0), 2, 100, NOW));
            test.log.checkpoint().unwrap();
        }
        test.append(&at(transactional(7, 2, 5), 2, 100, NOW));
        test.replicate();
        let mut producers = test.log.producers();
        producers.sort_by_key(|(id, _)| *id);
        let stable = test.log.last_stable_offset();
        if !has_snapshots {
            for name in test.files(".snapshot") {
                std::fs::remove_file(test.file(&name)).unwrap();
            }
        }
        test.kill();
        let mut found = test.log.producers();
        found.sort_by_key(|(id, _)| *id);
        assert_eq!((found, test.log.last_stable_offset()), (producers, stable), "{has_snapshots}");
        assert!(test.append(&at(producer(2, 0, 0), 2, 100, NOW)).is_duplicate);
    }
}

#[test]
fn damaged_snapshot_is_not_believed() {
    let mut test = TestLog::new();
    test.append(&at(producer(1, 0, 0), 2, 10, NOW));
    test.log.close().unwrap();
    edit(&test, "00000000000000000002.snapshot", |bytes| bytes[9] ^= 1);
    let mut options = test.checkpointed();
    options.was_clean = true;
    test.open(options);
    let known: Vec<_> = test.log.producers().iter().map(|(id, _)| *id).collect();
    assert_eq!(known, [ProducerId(1)]);
    assert_eq!(test.files(".snapshot"), Vec::<String>::new());
}

#[test]
fn what_is_noted_behind_the_recovery_point_is_not_believed_after_a_crash() {
    let mut test = TestLog::new();
    test.append(&at(producer(1, 0, 0), 2, 10, NOW));
    test.log.checkpoint().unwrap();
    // A snapshot and epochs of a history that was truncated, which came back with the crash.
    let stale = TestLog::new();
    stale.append(&plain(2));
    stale.append(&at(producer(9, 9, 0), 2, 10, NOW));
    stale.log.checkpoint().unwrap();
    let name = "00000000000000000004.snapshot";
    std::fs::copy(stale.file(name), test.file(name)).unwrap();
    std::fs::write(test.file("leader-epoch-checkpoint"), "0\n2\n0 0\n3 3\n").unwrap();
    test.append(&plain(4));
    test.kill();
    let known: Vec<_> = test.log.producers().iter().map(|(id, _)| *id).collect();
    assert_eq!((known, test.log.latest_epoch()), (vec![ProducerId(1)], Some(LeaderEpoch(0))));
    test.log.truncate_to(Offset(4), NOW).unwrap();
    let known: Vec<_> = test.log.producers().iter().map(|(id, _)| *id).collect();
    assert_eq!(known, [ProducerId(1)]);
}

#[test]
fn damaged_epochs_are_read_from_the_log() {
    for (text, was_clean) in [("0\n1\nx y\n", true), ("0\n9\n0 0\n", false)] {
        let mut test = TestLog::new();
        let fetched = [replicated(0, 3, 2), replicated(2, 5, 2)].concat();
        test.log.append_as_follower(&fetched.into(), LeaderEpoch(5), NOW).unwrap();
        test.log.close().unwrap();
        std::fs::write(test.file("leader-epoch-checkpoint"), text).unwrap();
        let mut options = test.checkpointed();
        options.was_clean = was_clean;
        test.open(options);
        let epochs = [0, 1, 2, 3].map(|offset| test.log.epoch_for_offset(Offset(offset)));
        assert_eq!(epochs, [3, 3, 5, 5].map(|epoch| Some(LeaderEpoch(epoch))), "{text:?}");
    }
}

#[test]
fn log_that_ends_before_its_start_begins_anew() {
    let mut test = segmented();
    let mut options = test.checkpointed();
    (options.log_start, options.high_watermark) = (Offset(50), Offset(70));
    test.open(options);
    let log = &test.log;
    let offsets = [log.log_start_offset(), log.high_watermark(), log.log_end_offset()];
    assert_eq!((offsets, log.latest_epoch()), ([Offset(50); 3], None));
    test.append(&plain(1));
    test.kill();
    assert_eq!((test.offsets(), test.files(".log").len()), (vec![50], 1));
}

#[test]
fn checkpoints_beyond_the_log_are_clamped() {
    let mut test = filled();
    let mut options = test.checkpointed();
    (options.recovery_point, options.high_watermark) = (Offset(99), Offset(99));
    test.open(options);
    let log = &test.log;
    let offsets = [log.recovery_point(), log.flushed_offset(), log.high_watermark()];
    assert_eq!((offsets, test.offsets()), ([Offset(20); 3], up_to(20)));
}

#[test]
fn transaction_ended_below_the_high_watermark_holds_nothing_back() {
    let mut test = TestLog::new();
    test.append(&at(transactional(1, 0, 0), 2, 10, NOW));
    test.mark(&marker(ControlType::Commit, 1, 0, 0));
    test.replicate();
    test.append(&plain(1));
    test.kill();
    assert_eq!(test.log.last_stable_offset(), Offset(3));
}

#[test]
fn silent_producers_have_expired_when_the_log_is_opened() {
    let mut test = TestLog::new();
    test.append(&at(producer(1, 0, 0), 1, 10, NOW));
    test.append(&at(transactional(2, 0, 0), 1, 10, NOW));
    test.log.close().unwrap();
    let mut options = test.checkpointed();
    (options.was_clean, options.now) = (true, later(86_400_000));
    test.open(options);
    let known: Vec<_> = test.log.producers().iter().map(|(id, _)| *id).collect();
    assert_eq!(known, [ProducerId(2)]);
}
