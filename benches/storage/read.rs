//! Reads: the cost of a call, which hands out a slice of the mapped segment, and what comes of it for who copies the
//! bytes once; beside it, the same copy out of a mapping of the same file.

use std::hint::black_box;
use std::sync::Arc;

use protocol::Offset;
use storage::Log;
use storage::disk::{Disk, Open, RealDisk};
use storage::log::{Fetched, ReadRequest};

use crate::measure::{Row, in_turns, median, seconds, size};
use crate::scene::{Scene, config};

/// How large the log is: more than the caches of the processor.
const LOG_BYTES: usize = 256 << 20;
const ROUNDS: usize = 15;

/// What a fetch asks for (`max.partition.fetch.bytes`).
const ANSWER_BYTES: usize = 1 << 20;

/// How many reads a round of single calls has.
const CALLS: u32 = 20_000;

pub(crate) fn measure(rows: &mut Vec<Row>) {
    for kib in [1, 16, 128, 1024] {
        let batch_bytes = kib << 10;
        let scene = Scene::new("read");
        let log = fill(&scene, batch_bytes);
        rows.push(copy(&log, batch_bytes));
        if kib == 16 {
            rows.extend([16, 128, 1024, 8192, 65536].map(|kib| call(&log, kib << 10)));
        }
    }
}

fn fill(scene: &Scene, batch_bytes: usize) -> Arc<Log> {
    let config = Arc::new(config());
    let (storage, _) = scene.open(&config);
    let log = scene.log(&storage, &config);
    let batch = [scene.batch(batch_bytes, 1000)];
    while log.size() < LOG_BYTES as u64 {
        scene.append(&log, &config, &batch);
    }
    log
}

fn read(log: &Log, offset: Offset, max_bytes: usize) -> Fetched {
    let request = ReadRequest {
        offset,
        max_bytes: u32::try_from(max_bytes).unwrap_or(u32::MAX),
        bound: log.log_end_offset(),
        at_least_one: true,
        may_block: true,
    };
    log.read(&request).expect("the log can be read")
}

/// Reads the log from its start to its end.
fn copy(log: &Log, batch_bytes: usize) -> Row {
    let mut to = vec![0; ANSWER_BYTES + (2 << 20)];
    let mut take = |bytes: &[u8]| {
        to.get_mut(..bytes.len()).expect("it has room for an answer").copy_from_slice(bytes);
        black_box(&to);
    };
    let end = log.log_end_offset();
    let log_bytes = usize::try_from(log.size()).expect("it is a segment");
    let path = log.path().join(format!("{:020}.log", 0));
    let file = RealDisk.open(&path, Open::Read).expect("it is there");
    let map = file.map(log_bytes).expect("it can be mapped");
    // Both take the same buffer in turns, so each gets it through a cell.
    let take = std::cell::RefCell::new(&mut take);
    let pair = in_turns(
        ROUNDS,
        || (),
        || {
            let mut offset = Offset::ZERO;
            while offset < end {
                let fetched = read(log, offset, ANSWER_BYTES);
                (take.borrow_mut())(&fetched.records.expect("there are records up to the end"));
                offset = fetched.next_offset;
            }
        },
        || {
            for start in (0..log_bytes).step_by(ANSWER_BYTES) {
                let end = log_bytes.min(start + ANSWER_BYTES);
                (take.borrow_mut())(map.get(start, end).expect("it is mapped"));
            }
        },
    );
    let what = format!("read in answers of 1 MiB and copy, batches of {}", size(batch_bytes));
    Row::speeds(what, log_bytes, &pair)
}

/// One call, from anywhere in the log.
fn call(log: &Log, max_bytes: usize) -> Row {
    let end = log.log_end_offset().0;
    let mut offset = 0;
    let mut round = || {
        for _ in 0..CALLS {
            // A large step that visits all offsets in no order.
            offset = (offset + 7_368_787) % end;
            black_box(read(log, Offset(offset), max_bytes));
        }
    };
    round();
    let seconds = median((0..ROUNDS).map(|_| seconds(&mut round)));
    let nanos = seconds / f64::from(CALLS) * 1e9;
    Row::alone(
        format!("read, a slice of {}, batches of 16 KiB", size(max_bytes)),
        format!("{nanos:.0} ns"),
    )
}
