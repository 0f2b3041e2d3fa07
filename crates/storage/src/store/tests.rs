//! Truncations, the checkpoints that go with them, and who is told what.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::*;
use crate::files::checkpoint;
use crate::testing::batches::{NOW, keyed, later, plain, sized};
use crate::testing::disk::Step;
use crate::testing::stores::{TestBroker, append, partition};

#[test]
fn checkpoint_says_where_each_log_stands() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    for number in 0..2 {
        let log = broker.create(&storage, &partition("topic", number));
        append(&log, &plain(10), NOW).unwrap();
        log.delete_records_before(Offset(i64::from(number) + 3)).unwrap();
        log.update_high_watermark(Offset(i64::from(number) + 7));
    }
    storage.log(&partition("topic", 1)).unwrap().checkpoint().unwrap();
    storage.checkpoint().unwrap();
    let expected = |first, second| BTreeMap::from([(0, first), (1, second)]);
    let files = [
        (checkpoint::RECOVERY_POINT_FILE, expected(0, 10)),
        (checkpoint::LOG_START_OFFSET_FILE, expected(3, 4)),
        (checkpoint::HIGH_WATERMARK_FILE, expected(7, 8)),
    ];
    for (name, expected) in files {
        assert_eq!(broker.checkpointed(name), expected, "{name}");
    }
    drop(storage);
    let (storage, _) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    assert_eq!((log.log_start_offset(), log.high_watermark()), (Offset(3), Offset(7)));
}

#[test]
fn recovery_point_moves_when_much_was_appended() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    let bytes = sized(1, 1_000_000);
    for _ in 0..32 {
        append(&log, &bytes, NOW).unwrap();
    }
    storage.checkpoint().unwrap();
    assert_eq!(log.recovery_point(), Offset(0));
    append(&log, &sized(1, 1_000_000), NOW).unwrap();
    append(&log, &sized(1, 1_000_000), NOW).unwrap();
    storage.checkpoint().unwrap();
    assert_eq!(broker.checkpointed(checkpoint::RECOVERY_POINT_FILE), BTreeMap::from([(0, 34)]));
}

#[test]
fn damaged_checkpoint_is_taken_for_empty() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(10), NOW).unwrap();
    log.delete_records_before(Offset(4)).unwrap();
    storage.close(1).unwrap();
    drop(storage);
    for name in [
        checkpoint::RECOVERY_POINT_FILE,
        checkpoint::LOG_START_OFFSET_FILE,
        checkpoint::HIGH_WATERMARK_FILE,
        checkpoint::CLEANER_FILE,
        ".kafka_cleanshutdown",
    ] {
        std::fs::write(broker.dir(0).join(name), "0\nnonsense\n").unwrap();
    }
    std::fs::remove_file(broker.dir(0).join(".kafka_cleanshutdown")).unwrap();
    let (storage, report) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    let offsets = (log.log_start_offset(), log.high_watermark(), log.log_end_offset());
    assert_eq!(offsets, (Offset(0), Offset(0), Offset(10)));
    assert_eq!(report.recovered_bytes, plain(10).len() as u64);
}

#[test]
fn truncation_lowers_the_checkpoint_before_it_cuts() {
    let broker = TestBroker::new(1);
    for steps in 0.. {
        let (storage, _) = broker.start();
        let partition = partition("topic", steps);
        let log = broker.create(&storage, &partition);
        append(&log, &plain(1), NOW).unwrap();
        append(&log, &plain(9), NOW).unwrap();
        log.checkpoint().unwrap();
        storage.checkpoint().unwrap();
        broker.disk.die_after(u64::try_from(steps).unwrap());
        let is_done = storage.truncate(&[(Arc::clone(&log), Offset(1))], NOW).is_ok();
        broker.disk.die_after(u64::MAX);
        let recovery_point = broker.checkpointed(checkpoint::RECOVERY_POINT_FILE)[&steps];
        let length = std::fs::metadata(log.path().join("00000000000000000000.log")).unwrap().len();
        let is_cut = length == plain(1).len() as u64;
        assert!(recovery_point == 1 || (!is_cut && recovery_point == 10), "after {steps} steps");
        if is_done {
            assert!(is_cut && steps > 4);
            assert_eq!((log.log_end_offset(), log.flushed_offset()), (Offset(1), Offset(1)));
            return;
        }
    }
}

#[test]
fn full_truncation_begins_anew_with_its_checkpoint() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(10), NOW).unwrap();
    log.checkpoint().unwrap();
    storage.checkpoint().unwrap();
    storage.truncate_fully(&log, Offset(500), NOW).unwrap();
    assert_eq!(broker.checkpointed(checkpoint::RECOVERY_POINT_FILE), BTreeMap::from([(0, 10)]));
    append(&log, &plain(1), NOW).unwrap();
    storage.close(1).unwrap();
    drop(storage);
    let (storage, _) = broker.start();
    let log = storage.log(&partition("topic", 0)).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(500), Offset(501)));
}

#[test]
fn truncation_makes_dirty_again_what_was_clean() {
    let broker = TestBroker::with(1, |topic| {
        topic.cleanup_policy.compact = true;
        (topic.segment_bytes, topic.min_cleanable_dirty_ratio) = (75 * 3, 0.0);
    });
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    let fill = |count| {
        for _ in 0..count {
            append(&log, &keyed(Default::default(), NOW, &[("a", Some("1"))]), NOW).unwrap();
        }
    };
    fill(10);
    assert!(storage.clean_one(NOW).unwrap());
    assert_eq!(broker.checkpointed(checkpoint::CLEANER_FILE), BTreeMap::from([(0, 9)]));
    storage.truncate(&[(Arc::clone(&log), Offset(5))], NOW).unwrap();
    // Nothing is left below the cut but the segment that begins at 3.
    assert_eq!(broker.checkpointed(checkpoint::CLEANER_FILE), BTreeMap::from([(0, 3)]));
    // A partition that is made again begins dirty too.
    storage.delete([&partition("topic", 0)], NOW).unwrap();
    assert_eq!(broker.checkpointed(checkpoint::CLEANER_FILE), BTreeMap::new());
}

#[test]
fn checkpoints_and_truncations_do_not_meet() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let logs: Vec<_> =
        (0..4).map(|number| broker.create(&storage, &partition("topic", number))).collect();
    let rounds = 50;
    std::thread::scope(|scope| {
        for log in &logs {
            scope.spawn(|| {
                for round in 0..rounds {
                    append(log, &plain(4), later(round)).unwrap();
                    log.checkpoint().unwrap();
                    let target = Offset(log.log_end_offset().0 - 4);
                    storage.truncate(&[(Arc::clone(log), target)], NOW).unwrap();
                    let checkpoint = broker.checkpointed(checkpoint::RECOVERY_POINT_FILE);
                    assert!(checkpoint[&log.topic_partition().partition.0] <= target.0);
                }
            });
        }
        for _ in 0..rounds {
            storage.checkpoint().unwrap();
        }
    });
    assert_eq!(broker.told.offline.lock().unwrap().len(), 0);
}

#[test]
fn log_that_cannot_be_checkpointed_does_not_keep_others_from_it() {
    let broker = TestBroker::new(2);
    let (storage, _) = broker.start();
    for number in 0..2 {
        let log = broker.create(&storage, &partition("topic", number));
        append(&log, &plain(1), NOW).unwrap();
    }
    // The first directory fails, so its file stays as it was; the second is written.
    std::fs::create_dir(broker.dir(0).join("recovery-point-offset-checkpoint.tmp")).unwrap();
    assert!(storage.checkpoint().is_err());
    assert_eq!(broker.names(1, "recovery-point-offset-checkpoint").len(), 1);
    let offline = broker.told.offline.lock().unwrap();
    assert_eq!((offline.len(), &offline[0].0), (1, &broker.dir(0)));
}

#[test]
fn observer_is_told_of_flushes_and_of_directories_that_fail() {
    let broker = TestBroker::new(1);
    let (storage, _) = broker.start();
    let log = broker.create(&storage, &partition("topic", 0));
    append(&log, &plain(3), NOW).unwrap();
    log.flush().unwrap();
    assert_eq!(*broker.told.flushed.lock().unwrap(), [(partition("topic", 0), 3)]);
    append(&log, &plain(3), NOW).unwrap();
    broker.disk.fail(Step::Sync, ErrorKind::Other);
    assert!(log.flush().is_err());
    assert!(log.flush().is_err());
    let offline = broker.told.offline.lock().unwrap();
    assert_eq!((offline.len(), &offline[0].0), (1, &broker.dir(0)));
    assert!(offline[0].1.contains("cannot sync"), "{}", offline[0].1);
    assert_eq!(broker.told.flushed.lock().unwrap().len(), 1);
}
