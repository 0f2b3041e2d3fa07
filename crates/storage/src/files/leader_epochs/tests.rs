//! The rules of the leader epochs, by rows, and the file.

use proptest::prelude::*;

use super::*;

/// Epochs and their start offsets.
type Pairs<'a> = &'a [(i32, i64)];

fn epochs(entries: Pairs<'_>) -> LeaderEpochs {
    let entry = |&(epoch, start): &(i32, i64)| EpochEntry {
        epoch: LeaderEpoch(epoch),
        start_offset: Offset(start),
    };
    LeaderEpochs { entries: entries.iter().map(entry).collect() }
}

/// Runs `change` on `before` and expects `after`, and that a change is reported exactly when there is one.
#[track_caller]
fn check(before: Pairs<'_>, after: Pairs<'_>, change: impl Fn(&mut LeaderEpochs) -> bool) {
    let mut changed = epochs(before);
    let says_changed = change(&mut changed);
    assert_eq!(changed, epochs(after));
    assert_eq!(says_changed, before != after);
}

#[test]
fn assign_keeps_epochs_and_offsets_growing() {
    let rows: [(Pairs<'_>, (i32, i64), Pairs<'_>); 11] = [
        (&[], (0, 0), &[(0, 0)]),
        (&[(0, 0)], (0, 9), &[(0, 0)]),
        (&[(0, 0)], (2, 9), &[(0, 0), (2, 9)]),
        (&[(0, 0), (2, 9)], (2, 5), &[(0, 0), (2, 5)]),
        (&[(0, 0), (2, 9)], (3, 9), &[(0, 0), (3, 9)]),
        (&[(0, 0), (2, 9)], (3, 5), &[(0, 0), (3, 5)]),
        (&[(0, 0), (2, 9)], (1, 20), &[(0, 0), (1, 20)]),
        (&[(1, 3), (2, 9)], (0, 0), &[(0, 0)]),
        (&[(1, 3), (2, 9)], (1, 3), &[(1, 3)]),
        (&[(0, 0)], (-1, 9), &[(0, 0)]),
        (&[(0, 0)], (1, -1), &[(0, 0)]),
    ];
    for (before, (epoch, start), after) in rows {
        check(before, after, |epochs| epochs.assign(LeaderEpoch(epoch), Offset(start)));
    }
}

#[test]
fn truncate_from_end_drops_what_begins_there_or_behind() {
    let before = [(0, 0), (2, 9), (4, 15)];
    for (end, kept) in [(-1, 3), (0, 0), (1, 1), (9, 1), (10, 2), (15, 2), (16, 3)] {
        check(&before, &before[..kept], |epochs| epochs.truncate_from_end(Offset(end)));
    }
}

#[test]
fn truncate_from_start_moves_the_oldest_start() {
    let before = [(0, 3), (2, 9), (4, 15)];
    let rows: [(i64, Pairs<'_>); 7] = [
        (2, &before),
        (3, &before),
        (4, &[(0, 4), (2, 9), (4, 15)]),
        (9, &[(2, 9), (4, 15)]),
        (10, &[(2, 10), (4, 15)]),
        (15, &[(4, 15)]),
        (99, &[(4, 99)]),
    ];
    for (start, after) in rows {
        check(&before, after, |epochs| epochs.truncate_from_start(Offset(start)));
    }
    check(&[], &[], |epochs| epochs.truncate_from_start(Offset(5)));
    check(&before, &[], LeaderEpochs::clear);
    check(&[], &[], LeaderEpochs::clear);
}

#[test]
fn end_offset_is_kafkas_for_known_and_unknown_epochs() {
    let found = epochs(&[(2, 9), (4, 15), (5, 20)]);
    let rows = [
        (-1, None),
        (0, Some((0, 9))),
        (1, Some((1, 9))),
        (2, Some((2, 15))),
        (3, Some((2, 15))),
        (4, Some((4, 20))),
        (5, Some((5, 33))),
        (6, None),
    ];
    for (epoch, expected) in rows {
        let expected = expected
            .map(|(epoch, end)| EpochEnd { epoch: LeaderEpoch(epoch), end_offset: Offset(end) });
        assert_eq!(found.end_offset_for(LeaderEpoch(epoch), Offset(33)), expected, "{epoch}");
        assert_eq!(LeaderEpochs::default().end_offset_for(LeaderEpoch(epoch), Offset(33)), None);
    }
}

#[test]
fn epoch_of_an_offset_and_previous_epoch_are_found() {
    let found = epochs(&[(2, 9), (4, 15)]);
    for (offset, epoch) in [(8, None), (9, Some(2)), (14, Some(2)), (15, Some(4)), (99, Some(4))] {
        assert_eq!(found.epoch_for_offset(Offset(offset)), epoch.map(LeaderEpoch), "{offset}");
    }
    for (epoch, previous) in [(2, None), (3, Some(2)), (4, Some(2)), (5, Some(4))] {
        assert_eq!(found.previous_epoch(LeaderEpoch(epoch)), previous.map(LeaderEpoch), "{epoch}");
    }
}

#[test]
fn file_as_kafka_writes_it_is_read_and_written() {
    // Written by Kafka 4.3.1's LeaderEpochCheckpointFile.
    let kafka = "0\n3\n0 0\n3 120\n4 121\n";
    let entries = epochs(&[(0, 0), (3, 120), (4, 121)]);
    assert_eq!(LeaderEpochs::decode(kafka.as_bytes()).unwrap(), entries);
    assert_eq!(String::from_utf8(entries.encode()).unwrap(), kafka);
    assert_eq!(LeaderEpochs::decode(b"").unwrap(), LeaderEpochs::default());
}

#[test]
fn decode_entries_out_of_order_are_put_right() {
    let decoded = LeaderEpochs::decode(b"0\n3\n1 10\n3 30\n2 20\n").unwrap();
    assert_eq!(decoded, epochs(&[(1, 10), (2, 20)]));
}

#[test]
fn decode_damaged_file_is_refused() {
    for text in ["0\n1\n-1 0\n", "0\n1\n0 -1\n", "0\n1\n0\n", "0\n1\n0 0 0\n", "0\n2\n0 0\n"] {
        assert!(LeaderEpochs::decode(text.as_bytes()).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn epochs_survive_a_round_trip_and_stay_in_order(
        assigned in proptest::collection::vec((0..50, 0..500_i64), 0..40)
    ) {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start) in assigned {
            epochs.assign(LeaderEpoch(epoch), Offset(start));
            prop_assert_eq!(epochs.latest().map(|latest| latest.epoch >= LeaderEpoch(0)), Some(true));
        }
        let is_sorted = epochs.entries().is_sorted_by(|a, b| {
            a.epoch < b.epoch && a.start_offset < b.start_offset
        });
        prop_assert!(is_sorted);
        prop_assert_eq!(LeaderEpochs::decode(&epochs.encode()).unwrap(), epochs);
    }

    #[test]
    fn decode_survives_any_bytes(bytes: Vec<u8>) {
        let _ = LeaderEpochs::decode(&bytes);
    }
}
