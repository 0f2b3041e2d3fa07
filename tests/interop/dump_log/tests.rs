//! The parser on what `kafka-dump-log` 4.3.1 has really printed (values and paths shortened).

use super::*;

const LOG: &str = "\
Dumping /d/t-0/00000000000000000012.log
Log starting offset: 12
baseOffset: 12 lastOffset: 14 count: 2 baseSequence: 0 lastSequence: 2 producerId: 3 \
    producerEpoch: 1 partitionLeaderEpoch: 0 isTransactional: true isControl: false \
    deleteHorizonMs: OptionalLong[1795357863505] position: 156 CreateTime: 1700000009290 size: \
    1398 magic: 2 compresscodec: zstd crc: 2234421887 isvalid: true
| offset: 12 CreateTime: 1700000009280 keySize: 7 valueSize: 10 sequence: 0 headerKeys: \
    [twice,none,twice] key: key-928 payload: wd key: x]
| offset: 14 CreateTime: 1700000009290 keySize: -1 valueSize: 3 sequence: 2 headerKeys: [] \
    payload: ilj
baseOffset: 22 lastOffset: 22 count: 1 baseSequence: -1 lastSequence: -1 producerId: 3 \
    producerEpoch: 2 partitionLeaderEpoch: 0 isTransactional: true isControl: true \
    deleteHorizonMs: OptionalLong.empty position: 3874 LogAppendTime: 1795270913540 size: 78 \
    magic: 2 compresscodec: none crc: 3119801556 isvalid: true
| offset: 22 LogAppendTime: 1795270913540 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] \
    endTxnMarker: COMMIT coordinatorEpoch: 0
";

const GAPS: &str = "\
Non-consecutive offsets in /d/t-0/00000000000000000012.log
  -1 is followed by 12
  12 is followed by 14
";

fn dump(stdout: &str, stderr: &str) -> Dump {
    parse(&Output { failure: None, stdout: stdout.to_owned(), stderr: stderr.to_owned() })
}

fn record(offset: i64, timestamp: i64) -> DumpedRecord {
    DumpedRecord { offset, timestamp, header_keys: vec![], marker: None, key: None, payload: None }
}

#[test]
fn parse_of_a_log_gives_its_batches_and_records() {
    let dump = dump(LOG, GAPS);
    let file = &dump.files[0];
    assert_eq!(file.path, PathBuf::from("/d/t-0/00000000000000000012.log"));
    assert_eq!(file.batches.len(), 2);
    assert_eq!(file.batches[0].text("compresscodec"), "zstd");
    assert_eq!(file.batches[0].number("lastOffset"), 14);
    assert_eq!(file.batches[0].number("deleteHorizonMs"), 1_795_357_863_505);
    let expected = [
        DumpedRecord {
            header_keys: ["twice", "none", "twice"].map(str::to_owned).to_vec(),
            key: Some("key-928".to_owned()),
            payload: Some("wd key: x]".to_owned()),
            ..record(12, 1_700_000_009_280)
        },
        DumpedRecord { payload: Some("ilj".to_owned()), ..record(14, 1_700_000_009_290) },
        DumpedRecord { marker: Some("COMMIT".to_owned()), ..record(22, 1_795_270_913_540) },
    ];
    assert_eq!(file.records, expected);
    assert!(file.entries.is_empty() && dump.findings.is_empty(), "{dump:?}");
}

#[test]
fn parse_of_indexes_and_snapshots_gives_their_entries() {
    let dump = dump(
        "Dumping /d/t-0/00000000000000000045.index\n\
         offset: 54 position: 1830\n\
         offset: 59 position: 3442\n\
         Dumping /d/t-0/00000000000000000045.timeindex\n\
         timestamp: 1700000008380 offset: 54\n\
         Dumping /d/t-0/00000000000000000104.snapshot\n\
         producerId: 9 producerEpoch: 0 coordinatorEpoch: -1 currentTxnFirstOffset: OptionalLong[7] \
         lastTimestamp: 1700000014350 firstSequence: 10 lastSequence: 10 lastOffset: 103 offsetDelta: 0 \
         timestamp: 1700000014350\n\
         producerId: 12 producerEpoch: 1 coordinatorEpoch: 0 currentTxnFirstOffset: OptionalLong.empty \
         lastTimestamp: 1795270914486\n\
         Dumping /d/t-0/00000000000000000010.txnindex\n\
         version: 0 producerId: 4 firstOffset: 15 lastOffset: 23 lastStableOffset: 24\n",
        "",
    );
    let numbers = |file_idx: usize, name| -> Vec<i64> {
        dump.files[file_idx].entries.iter().map(|entry: &Fields| entry.number(name)).collect()
    };
    assert_eq!(numbers(0, "position"), [1830, 3442]);
    assert_eq!(numbers(1, "timestamp"), [1_700_000_008_380]);
    assert_eq!(numbers(2, "producerId"), [9, 12]);
    assert_eq!(dump.files[2].entries[0].number("currentTxnFirstOffset"), 7);
    assert_eq!(dump.files[2].entries[1].text("currentTxnFirstOffset"), "OptionalLong.empty");
    assert!(!dump.files[2].entries[1].has("lastOffset"));
    assert_eq!(numbers(3, "lastStableOffset"), [24]);
    assert_eq!(dump.findings, [""; 0]);
}

#[test]
fn parse_of_sanity_checks_tells_the_files_that_passed() {
    let dump = dump(
        "Dumping /d/t-0/00000000000000000000.index\n\
         /d/t-0/00000000000000000000.index is empty.\n\
         Dumping /d/t-0/00000000000000000045.index\n\
         /d/t-0/00000000000000000045.index passed sanity check.\n\
         Dumping /d/t-0/00000000000000000088.index\n",
        "",
    );
    let passed: Vec<_> = dump.files.iter().map(|file| file.passed).collect();
    assert_eq!(passed, [true, true, false]);
}

#[test]
fn parse_of_damage_keeps_every_finding() {
    let check = |stdout: &str, stderr: &str, expected: &[&str]| {
        assert_eq!(dump(stdout, stderr).findings, expected);
    };
    let mismatches = [
        "Mismatches in :/d/t-0/00000000000000000000.index",
        "  Index offset: 13, log offset: 14",
        "Found timestamp mismatch in :/d/t-0/00000000000000000000.timeindex",
        "  Index timestamp: 1700000000191, log timestamp: 1700000000190",
        "Found out of order timestamp in :/d/t-0/00000000000000000000.timeindex",
        "  Index timestamp: 1699999900250, Previously indexed timestamp: 1700000000191",
        "The following indexed offsets are not found in :/d/t-0/00000000000000000000.timeindex",
        "Indexed offset: 26, found log offset: 27",
    ];
    check("", &format!("{}\n{GAPS}", mismatches.join("\n")), &mismatches);
    check("", &format!("{GAPS}{}", mismatches.join("\n")), &mismatches);

    let exception = "Exception in thread \"main\" org.apache.kafka.storage.internals.log.CorruptIndexException: \
                     Index file /d/t-0/00000000000000000045.index is corrupt, found 13 bytes";
    check("Dumping /d/t-0/00000000000000000045.index\n", exception, &[exception]);

    let batch =
        "baseOffset: 45 lastOffset: 54 CreateTime: 1700000000590 crc: 255095163 isvalid: false";
    let tail = "Found 17 invalid bytes at the end of 00000000000000000045.log";
    check(
        &format!("Dumping /d/t-0/00000000000000000045.log\n{batch}\n{tail}\n"),
        "",
        &[batch, tail],
    );

    let snapshot = "Snapshot is corrupt (CRC is no longer valid). Stored crc: 1. Computed crc: 2";
    check("Dumping /d/t-0/00000000000000000045.snapshot\n", snapshot, &[snapshot]);
}

#[test]
fn parse_of_a_tool_that_failed_is_never_without_a_finding() {
    let failure = Some("exit status: 1".to_owned());
    let dump = parse(&Output { failure, stdout: String::new(), stderr: String::new() });
    assert_eq!(dump.findings, ["exit status: 1"]);
}
