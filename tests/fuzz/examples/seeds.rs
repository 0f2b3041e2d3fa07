//! Writes the inputs that fuzzing begins with, `corpus/<target>/seed-*`: run it after a change of an input's layout.

use std::fs;
use std::path::Path;

use bytes::BufMut;
use protocol::record::Compression;
use protocol::record::compression::compress;
use protocol::{
    BrokerId, CoordinatorEpoch, LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId,
    Sequence, Timestamp, TopicId, TopicPartition,
};
use storage::files::leader_epochs::LeaderEpochs;
use storage::files::meta_properties::{DirectoryId, MetaProperties};
use storage::files::{checkpoint, clean_shutdown, partition_metadata};
use storage::producer::snapshot::{self, SnapshotEntry};

/// Batches that Apache Kafka made: `= name` lines, each with lines of hex below it.
const KAFKA: &str =
    include_str!("../../../crates/protocol/src/record/tests/fixtures/kafka-4.3.1.hex");

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn kafkas(name: &str) -> Vec<u8> {
    let section = KAFKA.split("= ").find(|section| section.lines().next() == Some(name));
    let hex: String = section.expect("it is in the file").lines().skip(1).collect();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("it is hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn save(target: &str, name: &str, bytes: &[u8]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&dir).expect("the directory can be made");
    fs::write(dir.join(format!("seed-{name}")), bytes).expect("the file can be written");
}

/// Pieces with their lengths before them.
fn sized(head: &[u8], content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).expect("seeds are small");
    [head, &len.to_be_bytes(), content].concat()
}

fn save_batches() {
    for name in ["codec_none", "codec_gzip", "codec_snappy", "codec_lz4", "codec_zstd"] {
        save("batch", name, &[&[0xf8][..], &kafkas(name)].concat());
    }
    let several = ["transactional", "marker_abort", "delete_horizon", "extreme_deltas"];
    let several = several.map(kafkas).concat();
    save("batch", "several", &[&[0x5b][..], &several].concat());
    for (idx, codec) in CODECS.into_iter().enumerate() {
        // The limit is 255 << 8.
        let mut bytes = vec![0x80 + u8::try_from(idx).expect("there are five"), 255];
        compress(codec, None, &b"a record ".repeat(20), &mut bytes);
        save("decompress", &codec.to_string(), &bytes);
    }
    let mut extremes = Vec::new();
    protocol::varint::put_varlong(&mut extremes, i64::MIN);
    protocol::varint::put_varint(&mut extremes, i32::MAX);
    save("varint", "extremes", &extremes);
}

fn offset_index() -> Vec<u8> {
    let mut bytes = Vec::new();
    for idx in 1..4 {
        bytes.put_u32(idx * 3);
        bytes.put_u32(idx * 150);
    }
    bytes
}

fn time_index() -> Vec<u8> {
    let mut bytes = Vec::new();
    for idx in 1..4 {
        bytes.put_i64(1_600_000_000_000 + i64::from(idx));
        bytes.put_u32(idx * 3);
    }
    bytes
}

fn txn_index() -> Vec<u8> {
    let mut bytes = Vec::new();
    for idx in 1..3 {
        bytes.put_i16(0);
        [7, 10 * idx, 10 * idx + 5, 10 * idx + 6]
            .into_iter()
            .for_each(|field| bytes.put_i64(field));
    }
    bytes
}

fn producers() -> Vec<u8> {
    let producer = |id, txn: Option<Offset>| SnapshotEntry {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(0),
        last_sequence: Sequence(2),
        last_offset: Offset(4),
        offset_delta: 1,
        timestamp: Timestamp(1_700_000_000_000),
        coordinator_epoch: CoordinatorEpoch(1),
        current_txn_first_offset: txn,
    };
    snapshot::encode(&[producer(0, None), producer(1, Some(Offset(3)))])
}

fn epochs() -> LeaderEpochs {
    let mut epochs = LeaderEpochs::default();
    epochs.assign(LeaderEpoch(0), Offset(0));
    epochs.assign(LeaderEpoch(2), Offset(6));
    epochs
}

fn save_files() {
    save("index", "offset", &[&[0, 16][..], &offset_index()].concat());
    save("index", "time", &[&[1, 16][..], &time_index()].concat());
    save("index", "txn", &[&[2, 16][..], &txn_index()].concat());
    save("snapshot", "two", &producers()[6..]);
    let partition = TopicPartition::new("orders", PartitionId(3));
    let meta = MetaProperties {
        cluster_id: "5L6g3nShT-eMCtK--X86sw".to_owned(),
        node_id: BrokerId(7),
        directory_id: Some(DirectoryId([9; 16])),
        others: [("k".to_owned(), " v\u{e4}\\\n".to_owned())].into(),
    };
    let files = [
        checkpoint::encode([(&partition, Offset(12))]),
        epochs().encode(),
        partition_metadata::encode(TopicId([7; 16])),
        meta.encode(),
        clean_shutdown::encode(42),
        b"00000000000000000042.timeindex.swap".to_vec(),
    ];
    for (format, bytes) in (0..).zip(files) {
        save("files", &format.to_string(), &[&[format][..], &bytes].concat());
    }
    save("files", "dir", b"\x05orders-3.5fc0975566184161ab79cef873c210c7-delete");
}

/// Eight bytes a batch: see `fuzz::batches::build`.
const HISTORY: &[[u8; 8]] = &[
    [0, 0, 2, 1, 0, 1, 9, 1],
    [2, 0, 2, 2, 4, 1, 8, 2],
    [4, 0, 6, 1, 0, 3, 7, 1],
    [6, 2, 3, 3, 4, 1, 6, 0],
    [9, 2, 0, 2, 24 + 4, 0, 5, 0],
    [10, 2, 11, 0, 0, 0, 4, 3],
    [13, 2, 0, 3, 8 + 4, 0, 3, 0],
    [14, 3, 3, 0, 0, 0, 2, 1],
];

fn save_logs() {
    let history = HISTORY.concat();
    let log =
        |base, stage: u8, batches: &[[u8; 8]]| sized(&[stage * 5, base, 2], &batches.concat());
    let others = [
        sized(&[1, 0, 0], &offset_index()),
        sized(&[2, 0, 0], &time_index()),
        sized(&[3, 0, 0], &txn_index()),
        sized(&[4, 6, 3], &producers()),
        sized(&[20, 0, 0], &epochs().encode()),
        sized(&[21, 0, 0], &partition_metadata::encode(TopicId([7; 16]))),
    ]
    .concat();
    let whole = [&[0, 5, 0, 6, 0, 9][..], &log(0, 0, &HISTORY[..4]), &log(9, 0, &HISTORY[4..])];
    save("recovery", "crashed", &[&whole.concat()[..], &others].concat());
    let clean = [&[4, 5, 1, 14, 0, 9][..], &log(0, 0, &HISTORY[..4]), &log(9, 0, &HISTORY[4..])];
    save("recovery", "clean", &clean.concat());
    let swap = [
        &[1, 7, 0, 0, 0, 0][..],
        &log(0, 0, &HISTORY[..2]),
        &log(4, 0, &HISTORY[2..4]),
        &log(0, 2, &HISTORY[..4]),
        &sized(&[22, 0, 2], &HISTORY[4..].concat()),
        &sized(&[23, 0, 0], b"x"),
        &sized(&[99, 0, 0], b"\x04name"),
    ];
    save("recovery", "swap", &swap.concat());
    let raw = kafkas("codec_none");
    save("recovery", "raw", &[&[2, 101, 0, 0, 100, 0][..], &sized(&[0, 100, 1], &raw)].concat());
    let appends = [
        sized(&[0, 0], &kafkas("codec_snappy")),
        sized(&[4, 1], &[0, 0, 2, 1, 0, 1, 9, 1]),
        sized(&[5, 1], &[0, 0, 0, 1, 24 + 4, 1, 9, 1]),
        sized(&[6, 9], &history[history.len() - 8..]),
    ];
    save("append", "each", &appends.concat());
}

fn main() {
    save_batches();
    save_files();
    save_logs();
}
