//! The offset index against Kafka's bytes, its rules by rows, and damaged files.

use proptest::prelude::*;

use super::*;
use crate::testing::{ScratchFile, bytes_of};

/// Written by Kafka 4.3.1's OffsetIndex with base offset 1000; the file was set aside for eight entries, and the zeros
/// were cut off when it was closed.
const KAFKA: &str = "00000007000010680000001f000021347fffffff7fffffff";
const BASE: Offset = Offset(1000);

fn open(file: &ScratchFile) -> OffsetIndex {
    OffsetIndex::new(file.lazy(), BASE, 8, file.path().exists())
}

fn at(offset: i64, position: u32) -> OffsetPosition {
    OffsetPosition { offset: Offset(offset), position }
}

/// Base offset, two entries and what they are asked for.
fn small() -> (ScratchFile, OffsetIndex) {
    let file = ScratchFile::new();
    let index = open(&file);
    index.append(Offset(1007), 4200).unwrap();
    index.append(Offset(1031), 8500).unwrap();
    (file, index)
}

#[test]
fn index_as_kafka_writes_it_is_read_and_written() {
    let last = at(1000 + i64::from(i32::MAX), 0x7fff_ffff);
    let (file, index) = small();
    index.append(last.offset, last.position).unwrap();
    index.flush().unwrap();
    assert_eq!(file.bytes(), bytes_of(KAFKA));

    let closed = ScratchFile::with(&bytes_of(KAFKA));
    let crashed = ScratchFile::with(&[bytes_of(KAFKA), vec![0; 40]].concat());
    for file in [closed, crashed] {
        let index = open(&file);
        assert_eq!(index.check(u32::MAX).unwrap(), Ok(()));
        assert_eq!((index.entry_count().unwrap(), index.last().unwrap()), (3, last));
        assert_eq!(index.lookup(Offset(1030)).unwrap(), at(1007, 4200));
        assert_eq!(file.bytes(), bytes_of(KAFKA));
    }
}

#[test]
fn index_set_aside_and_never_written_is_empty() {
    let file = ScratchFile::with(&[0; 80]);
    let index = open(&file);
    assert_eq!(index.check(1).unwrap(), Ok(()));
    assert_eq!((index.entry_count().unwrap(), index.last().unwrap()), (0, at(1000, 0)));
    index.append(Offset(1007), 4200).unwrap();
    index.flush().unwrap();
    assert_eq!(file.bytes(), bytes_of("0000000700001068"));
}

#[test]
fn lookup_finds_the_last_entry_up_to_the_target() {
    let (_file, index) = small();
    for (target, found) in [
        (i64::MIN, at(1000, 0)),
        (1006, at(1000, 0)),
        (1007, at(1007, 4200)),
        (1030, at(1007, 4200)),
        (1031, at(1031, 8500)),
        (i64::MAX, at(1031, 8500)),
    ] {
        assert_eq!(index.lookup(Offset(target)).unwrap(), found, "{target}");
    }
    for (position, found) in [
        (4199, at(1000, 0)),
        (4200, at(1007, 4200)),
        (8499, at(1007, 4200)),
        (u32::MAX, at(1031, 8500)),
    ] {
        assert_eq!(index.floor_of_position(position).unwrap(), found, "{position}");
    }
}

#[test]
fn append_what_does_not_follow_is_refused() {
    let (_file, index) = small();
    let too_far = 1001 + i64::from(i32::MAX);
    for (offset, position) in
        [(1031, 9000), (1030, 9000), (1032, 8500), (999, 9000), (too_far, 9000)]
    {
        let err = index.append(Offset(offset), position).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidData, "{offset} at {position}");
    }
    assert_eq!(index.entry_count().unwrap(), 2);
}

#[test]
fn truncate_drops_entries_from_the_offset_on() {
    for (offset, kept) in [(0, 0), (1007, 0), (1008, 1), (1031, 1), (1032, 2), (i64::MAX, 2)] {
        let (file, index) = small();
        index.flush().unwrap();
        index.truncate_to(Offset(offset)).unwrap();
        assert_eq!(index.entry_count().unwrap(), kept, "{offset}");
        assert_eq!(
            file.bytes(),
            bytes_of("00000007000010680000001f00002134")[..kept * 8],
            "{offset}"
        );
    }
}

#[test]
fn index_with_as_many_entries_as_allowed_is_full() {
    let file = ScratchFile::new();
    let index = OffsetIndex::new(file.lazy(), BASE, 2, false);
    for (offset, is_full) in [(1001, false), (1002, true)] {
        index.append(Offset(offset), u32::try_from(offset).unwrap()).unwrap();
        assert_eq!(index.is_full().unwrap(), is_full);
    }
}

#[test]
fn check_says_what_is_wrong() {
    let rows = [
        ("0000000700001068ff", 9000, "multiple of 8 bytes"),
        ("00000007000010680000001f00002134", 8500, "behind the end of the log at 8500"),
        ("0000000700001068000000060000213400000005000000050000001f00002135", 9000, "out of order"),
        ("00000007000010680000001f00001068", 9000, "does not follow"),
        ("00000020000010680000001f00002134", 9000, "does not follow"),
        ("00000007000010688000000000002134", 9000, "entry 1 is damaged"),
        ("00000007800000000000001f00002134", 9000, "entry 0 is damaged"),
    ];
    for (hex, log_size, reason) in rows {
        let file = ScratchFile::with(&bytes_of(hex));
        let index = open(&file);
        let err = index.check(log_size).unwrap().unwrap_err().to_string();
        assert!(err.contains(reason), "{hex}: {err}");
        index.reset();
        assert_eq!(index.check(log_size).unwrap(), Ok(()));
        index.append(Offset(1007), 4200).unwrap();
        index.flush().unwrap();
        assert_eq!(file.bytes(), bytes_of("0000000700001068"));
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
        let _ = index.check(1 << 20);
        let _ = index.lookup(Offset(target));
        let _ = index.floor_of_position(77);
        let _ = index.is_resident(Offset(1500));
        let _ = index.truncate_to(Offset(target));
        index.reset();
        index.append(Offset(1007), 4200).unwrap();
        index.close().unwrap();
        prop_assert_eq!(index.last().unwrap(), at(1007, 4200));
    }
}
