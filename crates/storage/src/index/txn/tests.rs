//! The transaction index against Kafka's bytes and Kafka's way to search it, and damaged files.

use proptest::prelude::*;

use super::*;
use crate::testing::{ScratchFile, bytes_of};

/// Written by Kafka 4.3.1's TransactionIndex with base offset 1000.
const KAFKA: &str = concat!(
    "00000000000000000fa000000000000003e900000000000003f200000000000003eb",
    "00000000000000000fa100000000000003eb00000000000003fc00000000000003fd",
);
const BASE: Offset = Offset(1000);

fn open(file: &ScratchFile) -> TxnIndex {
    TxnIndex::new(file.lazy(), BASE, file.path().exists())
}

fn txn(producer: i64, first: i64, last: i64, stable: i64) -> AbortedTxn {
    AbortedTxn {
        producer_id: ProducerId(producer),
        first_offset: Offset(first),
        last_offset: Offset(last),
        last_stable_offset: Offset(stable),
    }
}

fn kafka() -> [AbortedTxn; 2] {
    [txn(4000, 1001, 1010, 1003), txn(4001, 1003, 1020, 1021)]
}

#[test]
fn index_as_kafka_writes_it_is_read_and_written() {
    let file = ScratchFile::new();
    let index = open(&file);
    for txn in kafka() {
        index.append(txn).unwrap();
    }
    assert_eq!(index.all().unwrap(), kafka());
    index.close().unwrap();
    assert_eq!(file.bytes(), bytes_of(KAFKA));
    let index = open(&file);
    assert_eq!(index.check().unwrap(), Ok(()));
    assert_eq!(index.all().unwrap(), kafka());
}

#[test]
fn file_is_not_made_before_there_is_a_transaction() {
    let file = ScratchFile::new();
    let index = open(&file);
    let nothing = AbortedTxns { transactions: Vec::new(), is_complete: false };
    assert_eq!(index.collect_aborted(Offset(0), Offset::MAX).unwrap(), nothing);
    assert_eq!(index.check().unwrap(), Ok(()));
    index.truncate_to(Offset(1000)).unwrap();
    index.reset();
    index.flush().unwrap();
    index.close().unwrap();
    assert!(!file.path().exists());
    let [first, _] = kafka();
    index.append(first).unwrap();
    index.flush().unwrap();
    assert_eq!(file.bytes(), bytes_of(&KAFKA[..68]));
}

#[test]
fn collect_stops_where_nothing_later_can_matter() {
    let file = ScratchFile::with(&bytes_of(KAFKA));
    let index = open(&file);
    let [first, second] = kafka();
    let rows: [(_, _, &[AbortedTxn], bool); 6] = [
        (1000, 1003, &[first], true),
        (1000, 1004, &[first, second], true),
        (1000, 1021, &[first, second], true),
        (1000, 1022, &[first, second], false),
        (1011, 1022, &[second], false),
        (1021, 1022, &[], false),
    ];
    for (fetch_offset, upper_bound, transactions, is_complete) in rows {
        let found = index.collect_aborted(Offset(fetch_offset), Offset(upper_bound)).unwrap();
        let expected = AbortedTxns { transactions: transactions.to_vec(), is_complete };
        assert_eq!(found, expected, "{fetch_offset}..{upper_bound}");
    }
}

#[test]
fn truncate_drops_markers_from_the_offset_on() {
    for (offset, kept) in [(1010, 0), (1011, 1), (1020, 1), (1021, 2)] {
        let file = ScratchFile::with(&bytes_of(KAFKA));
        open(&file).truncate_to(Offset(offset)).unwrap();
        assert_eq!(open(&file).all().unwrap(), kafka()[..kept], "{offset}");
    }
}

#[test]
fn append_marker_before_the_last_is_refused() {
    let file = ScratchFile::with(&bytes_of(KAFKA));
    let err = open(&file).append(txn(4002, 1000, 1020, 1021)).unwrap_err();
    assert_eq!(err.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn check_says_what_is_wrong() {
    let early = "00000000000000000fa000000000000000e900000000000003e700000000000003eb";
    let rows = [
        (format!("{KAFKA}00"), "multiple of 34 bytes"),
        (format!("{}{}", &KAFKA[68..], &KAFKA[..68]), "does not follow"),
        (format!("0001{}", &KAFKA[4..]), "entry 0 is damaged"),
        (early.to_owned(), "ends before the segment"),
    ];
    for (hex, reason) in rows {
        let file = ScratchFile::with(&bytes_of(&hex));
        let err = open(&file).check().unwrap().unwrap_err().to_string();
        assert!(err.contains(reason), "{hex}: {err}");
    }
}

/// Kafka's own search: all entries from the first on.
fn scan(txns: &[AbortedTxn], fetch_offset: Offset, upper_bound: Offset) -> AbortedTxns {
    let mut transactions = Vec::new();
    for txn in txns {
        if txn.last_offset >= fetch_offset && txn.first_offset < upper_bound {
            transactions.push(*txn);
        }
        if txn.last_stable_offset >= upper_bound {
            return AbortedTxns { transactions, is_complete: true };
        }
    }
    AbortedTxns { transactions, is_complete: false }
}

/// Transactions that end one behind the other, each up to 200 offsets long, and no stable offset behind its marker.
fn any_txns() -> impl Strategy<Value = Vec<AbortedTxn>> {
    let one = (1..40_i64, 1..200_i64, 0..100_i64);
    proptest::collection::vec(one, 0..2000).prop_map(|parts| {
        let (mut last, mut stable) = (1000, 900);
        let mut next = |(step, length, lag): (i64, i64, i64)| {
            last += step;
            stable = stable.max(last + 1 - lag);
            txn(7, last - length, last, stable)
        };
        parts.into_iter().map(&mut next).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn collect_finds_what_a_scan_finds(
        txns in any_txns(),
        flushed in any::<prop::sample::Index>(),
        from in 900..50_000_i64,
        len in 1..2000_i64,
    ) {
        let file = ScratchFile::new();
        let index = open(&file);
        for (idx, txn) in txns.iter().enumerate() {
            index.append(*txn).unwrap();
            if idx == flushed.index(txns.len()) {
                index.flush().unwrap();
            }
        }
        let (from, to) = (Offset(from), Offset(from + len));
        prop_assert_eq!(index.collect_aborted(from, to).unwrap(), scan(&txns, from, to));
        index.close().unwrap();
        prop_assert_eq!(index.collect_aborted(from, to).unwrap(), scan(&txns, from, to));
        prop_assert_eq!(index.all().unwrap(), txns);
    }

    #[test]
    fn index_survives_any_bytes(
        bytes in proptest::collection::vec(prop_oneof![3 => 0..2_u8, 1 => any::<u8>()], 0..9000),
        offset: i64,
    ) {
        let file = ScratchFile::with(&bytes);
        let index = open(&file);
        let _ = index.check();
        let _ = index.all();
        let _ = index.collect_aborted(Offset(offset), Offset(offset).next());
        let _ = index.truncate_to(Offset(offset));
        index.reset();
        index.append(kafka()[0]).unwrap();
        index.close().unwrap();
        prop_assert_eq!(index.all().unwrap(), kafka()[..1].to_vec());
    }
}
