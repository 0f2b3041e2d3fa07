//! Appends as leader and as follower, rolls, and what a failing disk leaves behind.

use std::io::ErrorKind;

use protocol::record::{Batches as AllBatches, ControlType};
use protocol::{ProducerId, Sequence};

use super::*;
use crate::testing::batches::{
    NOW, at, keyed, later, marker, plain, producer, replicated, sized, transactional,
};
use crate::testing::disk::Step;
use crate::testing::logs::TestLog;
use crate::validate::{Rules, validate};

/// Appends sets of batches of clients together.
fn append_group(test: &TestLog, group: &[Bytes]) -> Vec<Result<Appended>> {
    let config = test.log.config();
    let rules = Rules { config: &config, origin: Origin::Client, now: NOW };
    let validated: Vec<_> = group.iter().map(|bytes| validate(bytes, &rules).unwrap()).collect();
    let appends: Vec<_> =
        validated.iter().map(|records| LeaderAppend::new(records, Origin::Client)).collect();
    test.log.append_as_leader(&appends, LeaderEpoch(0), NOW)
}

/// First offsets, or what kind of error there is instead.
fn outcomes(results: &[Result<Appended>]) -> Vec<Result<i64, String>> {
    let outcome = |result: &Result<Appended>| match result {
        Ok(appended) => Ok(appended.first_offset.0),
        Err(Error::Rejected(rejection)) => Err(format!("{:?}", rejection.code)),
        Err(Error::NoSpace { .. }) => Err("no space".to_string()),
        Err(Error::Offline { .. }) => Err("offline".to_string()),
        Err(Error::Io { .. }) => Err("io".to_string()),
        Err(other) => Err(other.to_string()),
    };
    results.iter().map(outcome).collect()
}

fn refused(code: ErrorCode) -> Result<i64, String> {
    Err(format!("{code:?}"))
}

/// The base offsets of the segments.
fn bases(test: &TestLog) -> Vec<i64> {
    test.log.segments.load().iter().map(|segment| segment.base_offset().0).collect()
}

#[test]
fn leader_gives_offsets_and_its_epoch() {
    let test = TestLog::new();
    let first = test.append(&plain(3));
    let second = test.append(&plain(2));
    assert_eq!((first.first_offset, first.last_offset), (Offset(0), Offset(2)));
    assert_eq!((second.first_offset, second.last_offset), (Offset(3), Offset(4)));
    assert_eq!(test.offsets(), [0, 1, 2, 3, 4]);
    assert_eq!(test.log.log_end_offset(), Offset(5));
    assert!(test.headers().iter().all(|header| header.leader_epoch == LeaderEpoch(0)));
    assert_eq!(test.log.latest_epoch(), Some(LeaderEpoch(0)));
    // But for offset and epoch, the bytes are the producer's.
    let stored = test.bytes();
    let batches: Vec<_> = AllBatches::new(&stored).map(Result::unwrap).collect();
    assert_eq!(batches[1].bytes()[16..], plain(2)[16..]);
}

#[test]
fn group_members_succeed_and_fail_each_by_itself_in_one_write() {
    let test = TestLog::new();
    let known = at(producer(1, 0, 0), 2, 10, NOW);
    test.append(&known);
    let steps = test.disk.step_count();
    let results = append_group(
        &test,
        &[
            plain(3),
            known.clone(),
            at(producer(1, 0, 7), 1, 10, NOW),
            at(producer(1, 0, 2), 2, 2_000, NOW),
            // A duplicate of what is written by this very group.
            at(producer(1, 0, 2), 2, 2_000, NOW),
            plain(1),
        ],
    );
    let out_of_order = refused(ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(outcomes(&results), [Ok(2), Ok(0), out_of_order, Ok(5), Ok(5), Ok(7)]);
    let is_duplicate: Vec<_> = results.iter().flatten().map(|it| it.is_duplicate).collect();
    assert_eq!(is_duplicate, [false, true, false, true, false]);
    assert_eq!(test.disk.step_count() - steps, 1, "one write");
    assert_eq!(test.offsets(), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn duplicate_gets_the_answer_of_the_first_time() {
    let test = TestLog::new();
    test.append(&plain(5));
    let bytes = at(producer(1, 0, 0), 3, 10, later(-50));
    let first = test.append(&bytes);
    test.append(&plain(5));
    let again = test.append(&bytes);
    assert!(again.is_duplicate);
    assert_eq!((again.first_offset, again.last_offset), (first.first_offset, first.last_offset));
    assert_eq!(again.log_append_time, later(-50), "as Kafka answers it");
    assert_eq!(test.log.log_end_offset(), Offset(13));
}

#[test]
fn set_of_several_batches_is_refused_as_a_whole() {
    let test = TestLog::new();
    test.append(&at(transactional(1, 5, 0), 1, 10, NOW));
    let mut both = at(transactional(2, 0, 0), 1, 10, NOW).to_vec();
    both.extend_from_slice(&marker(ControlType::Commit, 1, 4, 0));
    let fenced = test.append_from(&both.into(), Origin::Coordinator, 0, NOW);
    assert_eq!(outcomes(&[fenced]), [refused(ErrorCode::InvalidProducerEpoch)]);
    assert_eq!(test.log.log_end_offset(), Offset(1));
    let known: Vec<_> = test.log.producers().into_iter().map(|(id, _)| id).collect();
    assert_eq!(known, [ProducerId(1)]);
}

#[test]
fn full_disk_leaves_the_log_as_it_was_and_works_again() {
    let test = TestLog::new();
    test.append(&at(producer(1, 0, 0), 1, 10, NOW));
    test.disk.fail(Step::Write, ErrorKind::StorageFull);
    let next = [at(producer(1, 0, 1), 1, 10, NOW), plain(2)];
    let failed = append_group(&test, &next);
    assert_eq!(outcomes(&failed), [Err("no space".to_string()), Err("no space".to_string())]);
    assert_eq!((test.log.log_end_offset(), test.offsets()), (Offset(1), vec![0]));
    assert_eq!(test.dir.offline_reason(), None);
    test.disk.heal();
    // The sequence was never taken, so the same batch is new.
    assert_eq!(outcomes(&append_group(&test, &next)), [Ok(1), Ok(2)]);
    assert_eq!(test.offsets(), [0, 1, 2, 3]);
}

#[test]
fn failed_write_takes_the_directory_offline() {
    let test = TestLog::new();
    test.append(&plain(1));
    test.disk.fail(Step::Write, ErrorKind::Other);
    let failed = append_group(&test, &[plain(1), plain(1)]);
    assert_eq!(outcomes(&failed), [Err("offline".to_string()), Err("offline".to_string())]);
    test.disk.heal();
    let later = append_group(&test, &[plain(1)]);
    assert_eq!(outcomes(&later), [Err("offline".to_string())]);
    assert!(test.dir.offline_reason().is_some_and(|reason| reason.contains("write to")));
    assert_eq!(test.offsets(), [0], "reads go on");
}

#[test]
fn write_that_fails_behind_a_roll_fails_those_behind_it() {
    let test = TestLog::with(|config| config.segment_bytes = 4_000);
    // The third is written by itself, after the roll; its file cannot be made.
    test.disk.fail(Step::Open, ErrorKind::StorageFull);
    std::fs::write(test.file("00000000000000000000.log"), "").unwrap();
    let group = [sized(1, 1_500), sized(1, 1_500), sized(1, 1_500)];
    let results = append_group(&test, &group);
    assert_eq!(outcomes(&results), [Ok(0), Ok(1), Err("no space".to_string())]);
    assert_eq!((test.offsets(), bases(&test)), (vec![0, 1], vec![0, 2]));
    test.disk.heal();
    assert_eq!(test.append(&plain(1)).first_offset, Offset(2));
    assert_eq!(test.offsets(), [0, 1, 2]);
}

#[test]
fn segment_is_rolled_when_the_batch_does_not_fit() {
    let test = TestLog::with(|config| config.segment_bytes = 1_000);
    let bytes = sized(1, 400);
    let fits = 1_000 / bytes.len();
    for _ in 0..=fits {
        test.append(&bytes);
    }
    assert_eq!(bases(&test), [0, i64::try_from(fits).unwrap()]);
    let too_large = test.try_append(&sized(1, 1_000), NOW);
    assert_eq!(outcomes(&[too_large]), [refused(ErrorCode::RecordListTooLarge)]);
    assert_eq!(bases(&test).len(), 2);
}

#[test]
fn segment_is_rolled_by_the_age_of_its_first_batch() {
    // The timestamps of the first and the second batch, and the time of the second append.
    let rows = [
        (NOW.0, NOW.0 + 1_000, NOW, false),
        (NOW.0, NOW.0 + 1_001, NOW, true),
        (NOW.0, NOW.0 - 5_000, later(5_000), false),
        // Without timestamps the clock decides.
        (-1, -1, later(1_000), false),
        (-1, -1, later(1_001), true),
        (-1, NOW.0 + 5_000, later(1_000), false),
    ];
    for (first, second, now, is_rolled) in rows {
        let test = TestLog::with(|config| {
            config.segment_ms = 1_000;
            config.message_timestamp_after_max_ms = i64::MAX;
        });
        for (timestamp, now) in [(first, NOW), (second, now)] {
            let bytes = at(Default::default(), 1, 10, Timestamp(timestamp));
            test.try_append(&bytes, now).unwrap();
        }
        assert_eq!(bases(&test).len() > 1, is_rolled, "{first} {second} {now}");
    }
}

#[test]
fn compaction_lag_bounds_the_age_of_a_segment() {
    let test = TestLog::with(|config| {
        config.cleanup_policy.compact = true;
        config.max_compaction_lag_ms = 500;
    });
    test.append(&plain(1));
    test.try_append(&at(Default::default(), 1, 10, later(501)), NOW).unwrap();
    assert_eq!(bases(&test), [0, 1]);
}

#[test]
fn jitter_rolls_a_segment_before_its_age_and_differs_between_logs() {
    let test = TestLog::with(|config| (config.segment_ms, config.segment_jitter_ms) = (1_000, 100));
    let jitters: Vec<_> = (0..200).map(|ms| test.log.roll_jitter_ms(later(ms))).collect();
    assert!(jitters.iter().all(|jitter| (0..100).contains(jitter)));
    assert!(jitters.iter().max() > Some(&80) && jitters.iter().min() < Some(&20));
    let limit = 1_000 - lock(&test.log.writer).roll_jitter_ms;
    for (age_ms, segments) in [(0, 1), (limit, 1), (limit + 1, 2)] {
        test.try_append(&at(Default::default(), 1, 10, later(age_ms)), NOW).unwrap();
        assert_eq!(bases(&test).len(), segments, "{age_ms} of {limit}");
    }
    let unjittered = TestLog::new();
    assert_eq!(unjittered.log.roll_jitter_ms(NOW), 0);
}

#[test]
fn segment_is_rolled_when_an_index_is_full() {
    // Three entries of 12 bytes, one of which is kept for the end.
    let test = TestLog::with(|config| {
        (config.index_interval_bytes, config.segment_index_bytes) = (0, 36);
    });
    for batch in 0..8 {
        test.append(&at(Default::default(), 1, 10, later(batch)));
    }
    assert_eq!(bases(&test), [0, 3, 6]);
    let segments = test.log.segments.load();
    let time_entries: Vec<_> =
        segments.iter().map(|it| it.time_index.entry_count().unwrap()).collect();
    assert_eq!(time_entries, [2, 2, 1]);
}

#[test]
fn group_that_overfills_an_index_does_without_the_entries() {
    let test = TestLog::with(|config| {
        (config.index_interval_bytes, config.segment_index_bytes) = (0, 36);
    });
    let group: Vec<_> = (0..9).map(|ms| at(Default::default(), 1, 10, later(ms))).collect();
    assert!(append_group(&test, &group).iter().all(Result::is_ok));
    assert_eq!((bases(&test), test.dir.offline_reason()), (vec![0], None));
    assert!(!test.log.segments.load()[0].is_index_wrong());
    let found = test.log.offset_for_timestamp(later(8)).unwrap();
    assert_eq!(found.map(|found| found.offset), Some(Offset(8)));
}

#[test]
fn index_has_an_entry_for_every_interval() {
    let test = TestLog::with(|config| config.index_interval_bytes = 1_000);
    test.fill(&sized(1, 400), 12);
    let segments = test.log.segments.load();
    let positions: Vec<_> = (0..12)
        .map(|offset| segments[0].offset_index.lookup(Offset(offset)).unwrap().position)
        .collect();
    let size = u32::try_from(sized(1, 400).len()).unwrap();
    // Every third batch lies more than 1,000 bytes behind the last entry.
    let expected: Vec<_> = (0..12).map(|batch| batch / 3 * 3 * size).collect();
    assert_eq!(positions, expected);
}

#[test]
fn log_append_time_never_runs_backwards() {
    let test = TestLog::with(|config| config.message_timestamp_type = TimestampType::LogAppendTime);
    let mut given = Vec::new();
    for ms in [0, 500, -2_000, 400, 501] {
        let appended = test.try_append(&at(Default::default(), 1, 10, NOW), later(ms)).unwrap();
        given.push(appended.log_append_time.0 - NOW.0);
    }
    assert_eq!(given, [0, 500, 500, 500, 501]);
    let stored: Vec<_> =
        test.headers().iter().map(|header| header.max_timestamp.0 - NOW.0).collect();
    assert_eq!(stored, given);
    // Reading checks every checksum.
    assert_eq!(test.offsets(), [0, 1, 2, 3, 4]);
}

#[test]
fn append_asks_for_a_flush_as_the_topic_says() {
    let test = TestLog::with(|config| config.flush_messages = 5);
    let must_flush = |count| test.append(&plain(count)).must_flush;
    assert_eq!(
        [must_flush(3), must_flush(1), must_flush(1), must_flush(1)],
        [false, false, true, true]
    );
    test.log.flush().unwrap();
    assert!(!must_flush(4));
    let every = TestLog::with(|config| config.flush_messages = 1);
    let bytes = at(producer(1, 0, 0), 1, 10, NOW);
    assert!(every.append(&bytes).must_flush);
    assert!(every.append(&bytes).must_flush, "the duplicate's answer is the same promise");
    every.log.flush().unwrap();
    assert!(!every.append(&bytes).must_flush);
}

#[test]
fn nearly_full_disk_refuses_clients_only() {
    let test = TestLog::new();
    test.dir.set_low(true, 1);
    let results = append_group(&test, &[plain(1)]);
    assert_eq!(outcomes(&results), [Err("no space".to_string())]);
    test.append_from(&plain(1), Origin::Coordinator, 0, NOW).unwrap();
    test.log.append_as_follower(&replicated(1, 0, 1), LeaderEpoch(0), NOW).unwrap();
    test.dir.set_low(false, 1 << 30);
    assert_eq!(test.append(&plain(1)).first_offset, Offset(2));
}

#[test]
fn closed_log_takes_nothing() {
    let test = TestLog::new();
    test.append(&plain(1));
    test.log.close().unwrap();
    let refusal = [refused(ErrorCode::NotLeaderOrFollower)];
    assert_eq!(outcomes(&append_group(&test, &[plain(1)])), refusal);
    let follower = test.log.append_as_follower(&replicated(1, 0, 1), LeaderEpoch(0), NOW);
    assert_eq!(outcomes(&[follower]), refusal);
}

#[test]
fn follower_keeps_offsets_gaps_and_epochs() {
    let test = TestLog::new();
    let mut fetched = replicated(5, 2, 3).to_vec();
    fetched.extend_from_slice(&replicated(20, 4, 1));
    let appended = test.log.append_as_follower(&fetched.into(), LeaderEpoch(4), NOW).unwrap();
    assert_eq!((appended.first_offset, appended.last_offset), (Offset(5), Offset(20)));
    assert_eq!((test.offsets(), test.log.log_end_offset()), (vec![5, 6, 7, 20], Offset(21)));
    let epochs: Vec<_> =
        [4, 5, 7, 19, 20].map(|offset| test.log.epoch_for_offset(Offset(offset))).to_vec();
    let epoch = |epoch| Some(LeaderEpoch(epoch));
    assert_eq!(epochs, [None, epoch(2), epoch(2), epoch(2), epoch(4)]);
    let end = test.log.end_offset_for_epoch(LeaderEpoch(3)).unwrap();
    assert_eq!((end.epoch, end.end_offset), (LeaderEpoch(2), Offset(20)));
}

#[test]
fn follower_leaves_what_its_fetch_does_not_know_of() {
    let test = TestLog::new();
    let mut fetched = replicated(0, 1, 2).to_vec();
    fetched.extend_from_slice(&replicated(2, 2, 2));
    let fetched: Bytes = fetched.into();
    let appended = test.log.append_as_follower(&fetched, LeaderEpoch(1), NOW).unwrap();
    assert_eq!((appended.last_offset, test.log.log_end_offset()), (Offset(1), Offset(2)));
    let rest = fetched.slice(replicated(0, 1, 2).len()..);
    let nothing = test.log.append_as_follower(&rest, LeaderEpoch(1), NOW).unwrap();
    assert_eq!((nothing.first_offset, nothing.last_offset), (Offset(2), Offset(1)));
    // A batch that the answer had no room for.
    let cut_off = rest.slice(..rest.len() - 1);
    let mut fetched = replicated(2, 1, 1).to_vec();
    fetched.extend_from_slice(&cut_off);
    test.log.append_as_follower(&fetched.into(), LeaderEpoch(1), NOW).unwrap();
    assert_eq!(test.offsets(), [0, 1, 2]);
}

#[test]
fn follower_refuses_what_it_cannot_append_and_appends_none_of_it() {
    let test = TestLog::new();
    test.log.append_as_follower(&replicated(0, 1, 5), LeaderEpoch(1), NOW).unwrap();
    let mut damaged = replicated(5, 1, 1).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let both = |first: Bytes, second: Bytes| Bytes::from([first, second].concat());
    let rows = [
        ("empty", Bytes::new()),
        ("cut off", replicated(5, 1, 1).slice(..70)),
        ("damaged", damaged.into()),
        ("behind the end", replicated(4, 1, 2)),
        ("backwards", both(replicated(7, 1, 2), replicated(8, 1, 2))),
        ("of an older epoch", replicated(5, 0, 1)),
        ("a bad marker", {
            let mut options = transactional(1, 0, -1);
            (options.base_offset, options.leader_epoch) = (Offset(6), LeaderEpoch(1));
            options.is_control = true;
            both(replicated(5, 1, 1), keyed(options, NOW, &[("x", None)]))
        }),
    ];
    for (name, fetched) in rows {
        let result = test.log.append_as_follower(&fetched, LeaderEpoch(1), NOW);
        assert_eq!(outcomes(&[result]), [refused(ErrorCode::CorruptMessage)], "{name}");
        assert_eq!(test.log.log_end_offset(), Offset(5), "{name}");
    }
}

#[test]
fn follower_rolls_behind_a_gap_that_no_segment_reaches_over() {
    let test = TestLog::with(|config| config.index_interval_bytes = 0);
    let far = i64::from(i32::MAX) + 10;
    // An empty log, then one with a batch, both meet an offset that four bytes cannot tell from their base.
    for base_offset in [far, far * 3] {
        let mut fetched = replicated(base_offset, 0, 1).to_vec();
        fetched.extend_from_slice(&replicated(base_offset + 1, 0, 1));
        test.log.append_as_follower(&fetched.into(), LeaderEpoch(0), NOW).unwrap();
    }
    assert_eq!(test.offsets(), [far, far + 1, far * 3, far * 3 + 1]);
    assert_eq!(bases(&test)[1..], [far, far * 3]);
    assert!(test.log.segments.load().iter().all(|segment| !segment.is_index_wrong()));
}

#[test]
fn follower_begins_the_next_file_behind_a_gap() {
    let mut test = TestLog::with(|config| config.segment_bytes = 1_000);
    test.append(&sized(1, 600));
    test.chores(NOW);
    // The log is rolled into the file made before, and then there is no room to write to it.
    test.disk.fail(Step::Write, ErrorKind::StorageFull);
    assert_eq!(outcomes(&append_group(&test, &[sized(1, 600)])), [Err("no space".to_string())]);
    test.disk.heal();
    test.log.append_as_follower(&replicated(4, 0, 1), LeaderEpoch(0), NOW).unwrap();
    // Recovery finds a file under the offset that the log was rolled at, and so nothing missing before it.
    test.kill();
    assert_eq!(test.offsets(), [0, 4]);
}

#[test]
fn follower_takes_more_than_a_segment_holds() {
    let test = TestLog::with(|config| config.segment_bytes = 1_000);
    let fetched: Vec<_> = (0..10).map(|offset| replicated(offset, 0, 1)).collect();
    test.log.append_as_follower(&fetched.concat().into(), LeaderEpoch(0), NOW).unwrap();
    // The leader had larger segments when it took this one.
    let mut options = producer(1, 0, 0);
    (options.base_offset, options.leader_epoch) = (Offset(10), LeaderEpoch(0));
    test.log.append_as_follower(&at(options, 1, 5_000, NOW), LeaderEpoch(0), NOW).unwrap();
    assert_eq!(test.offsets(), (0..11).collect::<Vec<_>>());
    assert!(bases(&test).len() > 1);
}

#[test]
fn follower_learns_of_producers_and_transactions() {
    let test = TestLog::new();
    let mut options = transactional(9, 1, 40);
    options.base_offset = Offset(3);
    test.log.append_as_follower(&at(options, 2, 10, NOW), LeaderEpoch(0), NOW).unwrap();
    test.replicate();
    assert_eq!(test.log.last_stable_offset(), Offset(3));
    let (id, entry) = test.log.producers().pop().unwrap();
    assert_eq!((id, entry.last_sequence()), (ProducerId(9), Sequence(41)));
}

#[test]
fn aborted_transaction_is_told_to_readers() {
    let test = TestLog::new();
    test.append(&at(transactional(1, 0, 0), 2, 10, NOW));
    test.append(&plain(1));
    test.replicate();
    assert_eq!((test.log.last_stable_offset(), test.log.high_watermark()), (Offset(0), Offset(3)));
    test.mark(&marker(ControlType::Abort, 1, 0, 0));
    assert_eq!(test.log.last_stable_offset(), Offset(0), "the marker is not replicated");
    test.replicate();
    assert_eq!(test.log.last_stable_offset(), Offset(4));
    let aborted = test.log.aborted_transactions(Offset(1), Offset(4)).unwrap();
    let offsets: Vec<_> = aborted.iter().map(|it| (it.first_offset, it.last_offset)).collect();
    assert_eq!(offsets, [(Offset(0), Offset(3))]);
    assert_eq!(test.log.aborted_transactions(Offset(4), Offset(4)).unwrap(), []);
}

#[test]
fn scratch_buffer_is_kept_for_the_next_append_unless_it_is_large() {
    let test = TestLog::new();
    let capacity = || lock(&test.log.writer).scratch.capacity();
    test.append(&sized(1, 500));
    let kept = capacity();
    assert!(kept > 500);
    test.append(&sized(1, 400));
    assert_eq!(capacity(), kept);
    let many: Vec<_> = (0..40).map(|_| sized(1, 900)).collect();
    append_group(&test, &many);
    assert_eq!(capacity(), 0);
}
