//! Compaction: how many records a cleaning reads and judges in a second, without its throttle.

use std::sync::Arc;

use bytes::Bytes;
use config::{CleanupPolicy, TopicConfig};
use protocol::Offset;
use protocol::record::{BatchBuilder, BatchOptions, Compression};
use storage::compaction::{OffsetMap, Unhurried, clean};

use crate::measure::{Row, median, seconds};
use crate::scene::{Scene, config};

const RECORDS: u64 = 2_000_000;
const RECORDS_IN_BATCH: u64 = 100;
/// A quarter of the records are the last of their key.
const KEYS: u64 = RECORDS / 4;
const ROUNDS: usize = 3;

pub(crate) fn measure(rows: &mut Vec<Row>) {
    for codec in [Compression::None, Compression::Lz4] {
        let (records, bytes): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| compact(codec)).unzip();
        let what = format!("compact records of 100 bytes, a quarter stays, codec {codec}");
        let speed = format!(
            "{:.2} million records/s, {:.0} MB/s",
            median(records) / 1e6,
            median(bytes) / 1e6
        );
        rows.push(Row::alone(what, speed));
    }
}

/// The records and the bytes of a second.
fn compact(codec: Compression) -> (f64, f64) {
    let scene = Scene::new("compact");
    let policy = CleanupPolicy { compact: true, delete: false };
    let config =
        Arc::new(TopicConfig { cleanup_policy: policy, segment_bytes: 16 << 20, ..config() });
    let (storage, _) = scene.open(&config);
    let log = scene.log(&storage, &config);
    for first in (0..RECORDS / RECORDS_IN_BATCH).map(|batch| batch * RECORDS_IN_BATCH) {
        scene.append(&log, &config, &[batch(&scene, codec, first)]);
    }
    log.update_high_watermark(log.log_end_offset());
    let plan = log.plan_cleaning(Offset::NONE, scene.now).expect("the log can be read");
    let mut map = OffsetMap::new(128 << 20, 0.9);
    let mut cleaned = None;
    let seconds = seconds(&mut || {
        let result = clean(&log, &plan, &mut map, &mut Unhurried, 1, scene.now);
        cleaned = result.expect("the log can be cleaned");
    });
    let cleaned = cleaned.expect("nobody told it to give up");
    assert!(cleaned.records_kept < cleaned.records_read, "there was something to clean");
    (cleaned.records_read as f64 / seconds, cleaned.bytes_before as f64 / seconds)
}

/// Records whose keys come again in another order.
fn batch(scene: &Scene, codec: Compression, first: u64) -> Bytes {
    let options = BatchOptions { compression: codec, ..BatchOptions::default() };
    let mut builder = BatchBuilder::new(options);
    for number in first..first + RECORDS_IN_BATCH {
        let key = (number.wrapping_mul(2_654_435_761) % KEYS).to_be_bytes();
        // A codec halves these digits, as it does with much that is real.
        let digits =
            |word: u64| format!("{:016x}", (number + word).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let value: String = (0..6).map(digits).collect();
        builder.append(scene.now, Some(&key), Some(value.as_bytes()), &[]);
    }
    builder.build().into()
}
