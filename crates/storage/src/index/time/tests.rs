//! The time index against Kafka's bytes, its rules by rows, and damaged files.

use proptest::prelude::*;

use super::*;
use crate::testing::{ScratchFile, bytes_of};

/// Written by Kafka 4.3.1's TimeIndex with base offset 1000 and room for five entries; the third came with the roll.
const KAFKA: &str = "0000018bcfe56800000000070000018bcfe57b880000001f000001a3185c500000000028";
const BASE: Offset = Offset(1000);

fn open(file: &ScratchFile) -> TimeIndex {
    TimeIndex::new(file.lazy(), BASE, 5, file.path().exists())
}

fn at(timestamp: i64, offset: i64) -> TimestampOffset {
    TimestampOffset { timestamp: Timestamp(timestamp), offset: Offset(offset) }
}

fn append(index: &TimeIndex, timestamp: i64, offset: i64) -> io::Result<()> {
    index.maybe_append(Timestamp(timestamp), Offset(offset), false)
}

#[test]
fn index_as_kafka_writes_it_is_read_and_written() {
    let file = ScratchFile::new();
    let index = open(&file);
    append(&index, 1_700_000_000_000, 1007).unwrap();
    append(&index, 1_700_000_000_000, 1009).unwrap();
    append(&index, 1_700_000_005_000, 1031).unwrap();
    index.maybe_append(Timestamp(1_800_000_000_000), Offset(1040), true).unwrap();
    index.flush().unwrap();
    assert_eq!(file.bytes(), bytes_of(KAFKA));

    let crashed = ScratchFile::with(&[bytes_of(KAFKA), vec![0; 24]].concat());
    for file in [file, crashed] {
        let index = open(&file);
        assert_eq!(index.check().unwrap(), Ok(()));
        assert_eq!(index.entry_count().unwrap(), 3);
        assert_eq!(index.last().unwrap(), at(1_800_000_000_000, 1040));
        assert_eq!(
            index.lookup(Timestamp(1_700_000_000_001)).unwrap(),
            at(1_700_000_000_000, 1007)
        );
        assert_eq!(file.bytes(), bytes_of(KAFKA));
    }
}

#[test]
fn lookup_finds_the_last_entry_up_to_the_target() {
    let file = ScratchFile::new();
    let index = open(&file);
    assert_eq!(index.last().unwrap(), at(-1, 1000));
    append(&index, 0, 1000).unwrap();
    append(&index, 50, 1020).unwrap();
    let rows = [(-1, at(-1, 1000)), (0, at(0, 1000)), (49, at(0, 1000)), (50, at(50, 1020))];
    for (target, found) in rows {
        assert_eq!(index.lookup(Timestamp(target)).unwrap(), found, "{target}");
    }
}

#[test]
fn only_entry_of_zeros_survives_a_restart() {
    let file = ScratchFile::new();
    let index = open(&file);
    append(&index, 0, 1000).unwrap();
    index.close().unwrap();
    assert_eq!(open(&file).last().unwrap(), at(0, 1000));
}

#[test]
fn maybe_append_takes_greater_timestamps_only() {
    let rows = [
        (50, 1020, Some(1)),
        (50, 1021, Some(1)),
        (51, 1020, Some(2)),
        (51, 1021, Some(2)),
        (49, 1021, None),
        (51, 1019, None),
        (51, 1001 + i64::from(i32::MAX), None),
    ];
    for (timestamp, offset, count) in rows {
        let file = ScratchFile::new();
        let index = open(&file);
        append(&index, 50, 1020).unwrap();
        match append(&index, timestamp, offset) {
            Ok(()) => {
                assert_eq!(Some(index.entry_count().unwrap()), count, "{timestamp} at {offset}")
            }
            Err(err) => assert_eq!((err.kind(), count), (io::ErrorKind::InvalidData, None)),
        }
    }
    let file = ScratchFile::new();
    append(&open(&file), -1, 1000).unwrap();
    assert_eq!(open(&file).entry_count().unwrap(), 0);
}

#[test]
fn full_index_keeps_room_for_the_roll() {
    let file = ScratchFile::new();
    let index = open(&file);
    for number in 1..=4 {
        assert!(!index.is_full().unwrap());
        append(&index, number, 1000 + number).unwrap();
    }
    assert!(index.is_full().unwrap());
    assert!(append(&index, 5, 1005).is_err());
    index.maybe_append(Timestamp(5), Offset(1005), true).unwrap();
    assert_eq!(index.last().unwrap(), at(5, 1005));
}

#[test]
fn truncate_drops_entries_from_the_offset_on() {
    for (offset, last) in [(1008, at(-1, 1000)), (1010, at(1, 1008)), (1020, at(2, 1010))] {
        let file = ScratchFile::new();
        let index = open(&file);
        for (timestamp, offset) in [(1, 1008), (2, 1010), (3, 1020)] {
            append(&index, timestamp, offset).unwrap();
        }
        index.flush().unwrap();
        index.truncate_to(Offset(offset)).unwrap();
        assert_eq!(index.last().unwrap(), last, "{offset}");
        index.close().unwrap();
        assert_eq!(open(&file).last().unwrap(), last, "{offset}");
    }
}

#[test]
fn check_says_what_is_wrong() {
    let rows = [
        ("0000018bcfe5680000000007ff", "multiple of 12 bytes"),
        ("0000018bcfe56800000000070000018bcfe567ff0000001f", "does not follow"),
        ("0000018bcfe56800000000070000018bcfe5680100000006", "does not follow"),
        ("ffffffffffffffff00000007", "entry 0 is damaged"),
        ("0000018bcfe5680080000000", "entry 0 is damaged"),
    ];
    for (hex, reason) in rows {
        let file = ScratchFile::with(&bytes_of(hex));
        let err = open(&file).check().unwrap().unwrap_err().to_string();
        assert!(err.contains(reason), "{hex}: {err}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn index_survives_any_bytes(
        bytes in proptest::collection::vec(prop_oneof![3 => 0..3_u8, 1 => any::<u8>()], 0..9000),
        target: i64,
    ) {
        let file = ScratchFile::with(&bytes);
        let index = open(&file);
        let _ = index.check();
        let _ = index.lookup(Timestamp(target));
        let _ = index.truncate_to(Offset(target));
        index.reset();
        append(&index, 50, 1007).unwrap();
        index.close().unwrap();
        prop_assert_eq!(index.last().unwrap(), at(50, 1007));
    }
}
