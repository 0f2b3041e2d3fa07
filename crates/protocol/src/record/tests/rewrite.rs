//! The cleaner's rewrite: Kafka's results byte for byte, and what must hold for any batch and any
//! choice of records.

use super::kafka::fixture;
use super::*;

const HORIZON: Timestamp = Timestamp(1_800_086_400_000);

const OPTIONS: RewriteOptions = RewriteOptions {
    delete_horizon: Some(HORIZON),
    is_empty_transaction_marker: false,
    keeps_empty: false,
    limit: LIMIT,
};

fn rewritten(
    bytes: &[u8],
    mut keep: impl FnMut(&Record<'_>) -> bool,
    options: RewriteOptions,
) -> (Vec<u8>, RewriteOutcome) {
    let mut out = vec![0xaa; 3];
    let batch = Batch::first(bytes).unwrap();
    let outcome = rewrite(&batch, &mut keep, options, &mut out).unwrap();
    assert_eq!(out[..3], [0xaa; 3], "what was in the buffer stays");
    (out.split_off(3), outcome)
}

/// Cleans the fixture `source`, and compares with the fixture that Kafka's cleaner made of it.
fn check(source: &str, expected: &str, keep: impl Fn(i64) -> bool, options: RewriteOptions) {
    let bytes = fixture(source);
    let batch = Batch::first(&bytes).unwrap();
    let before = read(&batch);
    let (out, outcome) = rewritten(&bytes, |record| keep(record.offset.0), options);
    assert_eq!(out, fixture(expected), "{expected}");
    let header = (!out.is_empty()).then(|| BatchHeader::decode(&out).unwrap());
    assert_eq!(outcome.header, header, "{expected}");
    let retained = before.iter().filter(|record| keep(record.offset)).count();
    let counts = (outcome.read as usize, outcome.retained as usize);
    assert_eq!(counts, (before.len(), retained), "{expected}");
}

#[test]
fn rewrite_of_kafkas_batches_is_kafkas_byte_for_byte() {
    let (odd, even) = (|offset| offset % 2 == 1, |offset| offset % 2 == 0);
    let (all, none) = (|_| true, |_| false);
    let kept = RewriteOptions { keeps_empty: true, ..OPTIONS };
    let marker = RewriteOptions { is_empty_transaction_marker: true, ..OPTIONS };
    check("codec_none", "clean_plain_odd", odd, OPTIONS);
    check("codec_none", "clean_plain_even", even, OPTIONS);
    check("codec_none", "clean_plain_all", all, OPTIONS);
    check("codec_none", "clean_plain_none", none, OPTIONS);
    check("codec_none", "clean_plain_none_kept", none, kept);
    check("transactional", "clean_transactional_odd", odd, kept);
    check("transactional", "clean_transactional_none_kept", none, kept);
    check("log_append_time", "clean_log_append_time_all", all, OPTIONS);
    check("log_append_time", "clean_log_append_time_odd", odd, OPTIONS);
    check("log_append_time", "clean_log_append_time_even", even, OPTIONS);
    check("log_append_time", "clean_log_append_time_none_kept", none, kept);
    check("delete_horizon", "clean_delete_horizon_all", all, OPTIONS);
    check("delete_horizon", "clean_delete_horizon_even", even, OPTIONS);
    check("delete_horizon", "clean_delete_horizon_odd", odd, OPTIONS);
    check("delete_horizon", "clean_delete_horizon_none_kept", none, kept);
    check("marker_commit", "clean_marker_commit_all", all, OPTIONS);
    check("marker_commit", "clean_marker_commit_empty_transaction", all, marker);
    check("marker_commit", "clean_marker_commit_none_kept", none, kept);
}

#[test]
fn rewrite_without_a_horizon_to_set_copies_tombstones_as_they_are() {
    let bytes = fixture("codec_none");
    let options = RewriteOptions { delete_horizon: None, ..OPTIONS };
    let (out, outcome) = rewritten(&bytes, |_| true, options);
    assert_eq!(out, bytes);
    assert_eq!(outcome.retained, 5);
}

#[test]
fn rewrite_of_a_damaged_batch_leaves_the_output_alone() {
    let mut bytes = fixture("codec_zstd");
    *bytes.last_mut().unwrap() ^= 1;
    let mut out = vec![1];
    let batch = Batch::first(&bytes).unwrap();
    assert!(rewrite(&batch, &mut |_| true, OPTIONS, &mut out).is_err());
    assert_eq!(out, [1]);
}

#[test]
fn empty_batch_keeps_what_outlives_the_records() {
    let bytes = fixture("transactional");
    let header = BatchHeader::decode(&bytes).unwrap();
    let empty = empty_batch(&header);
    let batch = Batch::first(&empty).unwrap();
    assert!(read(&batch).is_empty());
    assert_eq!(batch.header().last_offset(), header.last_offset());
    assert_eq!(batch.header().last_sequence(), header.last_sequence());
    assert_eq!(batch.header().max_timestamp, header.max_timestamp);
    // Once more is no change.
    assert_eq!(empty_batch(batch.header()), empty);
    let options = RewriteOptions { keeps_empty: true, ..OPTIONS };
    assert_eq!(rewritten(&empty, |_| true, options).0, empty);
    assert!(rewritten(&empty, |_| true, OPTIONS).0.is_empty());
}

proptest! {
    #[test]
    fn rewrite_any_choice_keeps_exactly_the_chosen(
        records in any_records(5),
        options in any_options(),
        choice in vec(any::<bool>(), 20),
        horizon in option::of(0..i64::MAX),
        keeps_empty: bool,
    ) {
        let bytes = build(options, &records);
        let batch = Batch::first(&bytes).unwrap();
        let (before, header) = (read(&batch), *batch.header());
        let rewrite_options =
            RewriteOptions { delete_horizon: horizon.map(Timestamp), keeps_empty, ..OPTIONS };
        let mut choices = choice.iter();
        let (out, outcome) = rewritten(&bytes, |_| *choices.next().unwrap(), rewrite_options);
        let expected: Vec<Owned> = before
            .iter()
            .zip(&choice)
            .filter(|(_, keep)| **keep)
            .map(|(record, _)| record.clone())
            .collect();
        prop_assert_eq!(outcome.retained as usize, expected.len());
        if expected.is_empty() && !keeps_empty {
            prop_assert!(out.is_empty() && outcome.header.is_none());
            return Ok(());
        }
        let after = Batch::first(&out).unwrap();
        prop_assert_eq!(after.bytes().len(), out.len());
        prop_assert_eq!(read(&after), expected);
        let kept = |h: &BatchHeader| {
            let stays = (h.base_offset, h.last_offset(), h.leader_epoch, h.last_sequence());
            (stays, h.producer_id, h.producer_epoch, h.is_control(), h.is_transactional())
        };
        prop_assert_eq!(kept(after.header()), kept(&header));
        // A second pass with the same choice of records changes nothing.
        let again = RewriteOptions { keeps_empty: true, ..rewrite_options };
        prop_assert_eq!(rewritten(&out, |_| true, again).0, out);
    }
}
