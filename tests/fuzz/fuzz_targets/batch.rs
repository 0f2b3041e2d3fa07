//! Batches in any bytes: the view, the walk over the records, the check, and the rewrite, whose output is whole again.

#![no_main]

use fuzz::Input;
use libfuzzer_sys::fuzz_target;
use protocol::Timestamp;
use protocol::record::{
    Batch, BatchHeader, Batches, ControlType, EndTxnMarker, HEADER_BYTES, RewriteOptions, rewrite,
};

const LIMIT: usize = 1 << 16;

fn read(batch: &Batch<'_>) -> Option<usize> {
    let mut encoded = [0; HEADER_BYTES];
    batch.header().encode(&mut encoded);
    assert_eq!(encoded, batch.bytes()[..HEADER_BYTES]);
    let _ = batch.check_crc();
    let records = batch.records(LIMIT).ok()?;
    assert!(records.bytes().len() <= LIMIT.max(batch.bytes().len()));
    let mut record_count = 0;
    for record in &records {
        let record = record.ok()?;
        assert!(record.size() <= records.bytes().len());
        assert_eq!(record.headers.count(), record.headers.into_iter().count());
        let _ = record.key.map(ControlType::parse);
        let _ = record.value.map(EndTxnMarker::parse);
        record_count += 1;
    }
    assert_eq!(record_count, batch.header().record_count as usize);
    Some(record_count)
}

/// The record bodies behind the deltas, which a rewrite keeps, of those that are kept.
fn rewrite_and_read(batch: &Batch<'_>, choice: u8) {
    let options = RewriteOptions {
        delete_horizon: (choice & 1 != 0).then_some(Timestamp(1_800_000_000_000)),
        is_empty_transaction_marker: choice & 2 != 0,
        keeps_empty: choice & 4 != 0,
        limit: LIMIT,
    };
    let mut kept = Vec::new();
    let mut keep = |record: &protocol::record::Record<'_>| {
        let keeps = choice >> 3 & (1 << (record.raw.len() % 5)) != 0;
        if keeps {
            kept.push((record.offset, record.timestamp, record.value.map(<[u8]>::to_vec)));
        }
        keeps
    };
    let mut out = b"before".to_vec();
    let Ok(outcome) = rewrite(batch, &mut keep, options, &mut out) else {
        assert_eq!(out, b"before", "an error writes nothing");
        return;
    };
    let written = out.strip_prefix(b"before").expect("what was there stays");
    let Some(header) = outcome.header else {
        assert!(written.is_empty());
        return;
    };
    let rewritten = Batch::first(written).expect("a whole batch is written");
    assert_eq!((rewritten.header(), rewritten.bytes()), (&header, written));
    let is_copy = written == batch.bytes();
    assert!(is_copy || rewritten.check_crc().is_ok(), "the checksum is of these bytes");
    assert_eq!(header.last_offset(), batch.header().last_offset());
    let records = rewritten.records(LIMIT).expect("it was no larger before");
    let records: Vec<_> = records
        .iter()
        .map(|record| record.expect("its records are whole"))
        .map(|record| (record.offset, record.timestamp, record.value.map(<[u8]>::to_vec)))
        .collect();
    assert_eq!(records, kept);
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let choice = input.byte();
    let _ = BatchHeader::decode(input.0);
    let mut batches = Batches::new(input.0);
    while let Some(Ok(batch)) = batches.next() {
        let record_count = read(&batch);
        let validated = batch.validate(LIMIT, |_| ());
        assert!(validated.is_err() || record_count.is_some_and(|count| count > 0));
        rewrite_and_read(&batch, choice);
    }
    assert!(batches.position() <= input.0.len());
});
