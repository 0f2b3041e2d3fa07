//! What a read shows: from where, up to where, and how much.

use bytes::Bytes;
use protocol::record::{Batches, ControlType};
use protocol::{LeaderEpoch, Timestamp};

use super::*;
use crate::testing::batches::{NOW, at, marker, plain, replicated, sized, transactional};
use crate::testing::logs::TestLog;

/// Ten segments of ten batches, each of two records: offsets 0 to 199.
fn filled() -> TestLog {
    let bytes = sized(2, 100);
    let test = TestLog::with(|config| {
        config.segment_bytes = u32::try_from(bytes.len()).unwrap() * 10;
        config.index_interval_bytes = 500;
    });
    test.fill(&bytes, 100);
    assert_eq!(test.log.segment_count(), 10);
    test
}

fn whole(offset: i64) -> ReadRequest {
    ReadRequest {
        offset: Offset(offset),
        max_bytes: u32::MAX,
        bound: Offset::MAX,
        at_least_one: true,
        may_block: true,
    }
}

/// The first offsets of the batches that are read, and where to go on.
fn read(test: &TestLog, request: &ReadRequest) -> (Vec<i64>, i64) {
    let fetched = test.log.read(request).unwrap();
    let bytes = fetched.records.as_deref().unwrap_or_default();
    let offsets = Batches::new(bytes).map(|batch| batch.unwrap().header().base_offset.0);
    (offsets.collect(), fetched.next_offset.0)
}

#[test]
fn read_begins_with_the_batch_that_holds_the_offset() {
    let test = filled();
    for offset in 0..200 {
        let (offsets, next) = read(&test, &whole(offset));
        let segment_end = offset / 20 * 20 + 20;
        let expected: Vec<_> = (offset / 2 * 2..segment_end).step_by(2).collect();
        assert_eq!((offsets, next), (expected, segment_end), "from {offset}");
    }
}

#[test]
fn read_ends_below_the_bound() {
    let test = filled();
    let rows = [
        (0, 0, vec![], 0),
        (0, 2, vec![0], 2),
        (0, 6, vec![0, 2, 4], 6),
        (4, 4, vec![], 4),
        (16, 24, vec![16, 18], 20),
        (20, 24, vec![20, 22], 24),
        (30, 20, vec![], 30),
        (198, 500, vec![198], 200),
    ];
    for (offset, bound, expected, next) in rows {
        let request = ReadRequest { bound: Offset(bound), ..whole(offset) };
        assert_eq!(read(&test, &request), (expected, next), "from {offset} to {bound}");
    }
}

#[test]
fn read_returns_whole_batches_up_to_the_bytes_asked_for() {
    let test = filled();
    let size = u32::try_from(sized(2, 100).len()).unwrap();
    let rows = [
        (size * 3, true, vec![0, 2, 4], 6),
        (size * 3 - 1, true, vec![0, 2], 4),
        (size * 3 + 1, true, vec![0, 2, 4], 6),
        (size, false, vec![0], 2),
        (size - 1, false, vec![], 0),
        (size - 1, true, vec![0], 2),
        (0, true, vec![0], 2),
        (0, false, vec![], 0),
        (size * 10, true, (0..20).step_by(2).collect(), 20),
        (size * 10 - 1, true, (0..18).step_by(2).collect(), 18),
    ];
    for (max_bytes, at_least_one, expected, next) in rows {
        let request = ReadRequest { max_bytes, at_least_one, ..whole(0) };
        assert_eq!(read(&test, &request), (expected, next), "{max_bytes} {at_least_one}");
    }
}

#[test]
fn read_outside_the_log_is_refused() {
    let test = filled();
    test.log.delete_records_before(Offset(50)).unwrap();
    for offset in [49, 201, -1] {
        let refused = test.log.read(&whole(offset));
        assert!(
            matches!(refused, Err(Error::OutOfRange { requested, log_start, log_end })
                if (requested, log_start, log_end) == (Offset(offset), Offset(50), Offset(200))),
            "{offset}"
        );
    }
    assert_eq!(read(&test, &whole(200)), (vec![], 200));
    // The log begins in the middle of a batch's segment; the batch itself is shown whole.
    assert_eq!(read(&test, &whole(50)).0[0], 50);
    assert_eq!(test.log.read(&whole(50)).unwrap().log_start_offset, Offset(50));
}

#[test]
fn read_goes_on_in_the_next_segment_where_one_has_nothing_left() {
    let test = TestLog::with(|config| config.segment_bytes = 300);
    for base_offset in [0, 1, 50, 90] {
        let bytes = replicated(base_offset, 0, 1);
        test.log.append_as_follower(&bytes, LeaderEpoch(0), NOW).unwrap();
    }
    assert!(test.log.segment_count() > 1);
    for (offset, expected) in [(2, 50), (49, 50), (51, 90)] {
        assert_eq!(read(&test, &whole(offset)).0[0], expected, "{offset}");
    }
    let request = ReadRequest { bound: Offset(60), ..whole(51) };
    assert_eq!(read(&test, &request), (vec![], 51));
}

#[test]
fn reader_that_may_not_wait_is_told_so() {
    let mut test = filled();
    let request = ReadRequest { may_block: false, ..whole(4) };
    assert_eq!(read(&test, &request).0[0], 4);
    test.disk.set_resident(false);
    assert!(matches!(test.log.read(&request), Err(Error::WouldBlock)));
    assert_eq!(read(&test, &whole(4)).0[0], 4, "one that may wait");
    test.reopen();
    // Nothing is known of the indexes yet: to load them would be to wait.
    assert!(matches!(test.log.read(&request), Err(Error::WouldBlock)));
    read(&test, &whole(4));
    assert_eq!(read(&test, &request).0[0], 4);
}

#[test]
fn slice_stays_whole_whatever_happens_to_the_log() {
    let test = filled();
    let fetched = test.log.read(&whole(180)).unwrap().records.unwrap();
    let front = test.log.read(&whole(0)).unwrap().records.unwrap();
    let expected = (Bytes::copy_from_slice(&fetched), Bytes::copy_from_slice(&front));
    test.log.truncate_to(Offset(182), NOW).unwrap();
    for _ in 0..20 {
        test.append(&sized(1, 333));
    }
    test.log.truncate_fully(Offset(0), NOW).unwrap();
    test.append(&plain(7));
    test.chores(Timestamp(i64::MAX));
    assert!(test.files(".deleted").is_empty());
    assert_eq!((&fetched[..], &front[..]), (&expected.0[..], &expected.1[..]));
    assert!(!fetched.is_broken() && !front.is_broken());
    assert_eq!(test.offsets(), (0..7).collect::<Vec<_>>());
}

#[test]
fn slice_names_its_place_in_the_file() {
    let test = filled();
    let size = u32::try_from(sized(2, 100).len()).unwrap();
    let fetched = test.log.read(&whole(4)).unwrap().records.unwrap();
    let (_, position) = fetched.descriptor().unwrap();
    assert_eq!((position, fetched.len()), (size * 2, size as usize * 8));
    assert!(fetched.is_resident());
    assert_eq!(
        format!("{fetched:?}"),
        format!("Slice {{ start: {}, end: {} }}", size * 2, size * 10)
    );
}

#[test]
fn damaged_index_is_not_believed_and_built_anew() {
    let mut test = filled();
    test.log.close().unwrap();
    let index = test.file("00000000000000000020.index");
    let good = std::fs::read(&index).unwrap();
    assert!(good.len() > 24);
    let position_of_another_batch = |entry: usize| {
        let mut bytes = good.clone();
        bytes[entry * 8 + 7] ^= 1;
        bytes
    };
    let out_of_order = {
        let mut bytes = good.clone();
        bytes.swap(3, 11);
        bytes
    };
    for damaged in [position_of_another_batch(0), position_of_another_batch(1), out_of_order] {
        std::fs::write(&index, &damaged).unwrap();
        let mut options = test.checkpointed();
        (options.was_clean, options.recovery_point) = (true, Offset(200));
        test.open(options);
        for offset in 20..40 {
            assert_eq!(read(&test, &whole(offset)).0[0], offset / 2 * 2);
        }
        test.chores(NOW);
        test.log.close().unwrap();
        assert_eq!(std::fs::read(&index).unwrap(), good);
    }
}

#[test]
fn damaged_batch_fails_reads_that_meet_it_and_no_others() {
    let mut test = filled();
    test.log.close().unwrap();
    let path = test.file("00000000000000000020.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let size = sized(2, 100).len();
    bytes[size * 5 + 16] = 0;
    std::fs::write(&path, bytes).unwrap();
    let mut options = test.checkpointed();
    (options.was_clean, options.recovery_point) = (true, Offset(200));
    test.open(options);
    assert!(matches!(
        test.log.read(&ReadRequest { bound: Offset(32), ..whole(30) }),
        Err(Error::Corrupt { .. })
    ));
    assert_eq!(read(&test, &ReadRequest { bound: Offset(28), ..whole(20) }).0, [20, 22, 24, 26]);
    assert_eq!(read(&test, &whole(40)).0[0], 40);
    assert_eq!(test.dir.offline_reason(), None);
}

#[test]
fn aborted_transactions_are_found_across_segments() {
    let test = TestLog::with(|config| config.segment_bytes = 250);
    test.append(&at(transactional(1, 0, 0), 1, 10, NOW));
    for _ in 0..10 {
        test.append(&plain(2));
    }
    test.mark(&marker(ControlType::Abort, 1, 0, 0));
    test.append(&at(transactional(2, 0, 0), 1, 10, NOW));
    test.mark(&marker(ControlType::Abort, 2, 0, 0));
    test.replicate();
    assert!(test.log.segment_count() > 4);
    let aborted = |from, to| {
        let found = test.log.aborted_transactions(Offset(from), Offset(to)).unwrap();
        found.iter().map(|txn| txn.producer_id.0).collect::<Vec<_>>()
    };
    assert_eq!(aborted(0, 1), [1]);
    assert_eq!(aborted(5, 9), [1], "begun before, ended behind");
    assert_eq!(aborted(0, 24), [1, 2]);
    assert_eq!(aborted(22, 24), [2]);
    assert_eq!(aborted(24, 24), Vec::<i64>::new());
}
