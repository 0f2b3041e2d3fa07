//! Starts: recovery after a crash, beside reading the same file under CRC-32C, and the opening of many idle partitions
//! after a clean stop.

use std::hint::black_box;
use std::sync::Arc;

use storage::disk::{Disk, File, Open, RealDisk};

use crate::measure::{Row, in_turns, median, seconds};
use crate::partitions;
use crate::scene::{Scene, config};

const IDLE_COUNT: usize = 10_000;
const IDLE_ROUNDS: usize = 5;

const LOG_BYTES: usize = 512 << 20;
const ROUNDS: usize = 5;

pub(crate) fn measure(rows: &mut Vec<Row>) {
    open_idle(rows);
    for value_bytes in [1000, 100] {
        rows.push(recover(value_bytes));
    }
}

fn open_idle(rows: &mut Vec<Row>) {
    let scene = Scene::new("idle");
    partitions::make(scene.dir(), IDLE_COUNT).expect("the partitions can be made");
    let resident = || partitions::resident_bytes().expect("the system says so");
    let before = resident();
    let mut added = None;
    let seconds = median((0..IDLE_ROUNDS).map(|_| {
        let mut storage = None;
        let seconds = seconds(&mut || {
            storage = Some(partitions::open(scene.dir()).expect("the directory opens"));
        });
        // Later rounds find memory that the first has given back to the allocator.
        added.get_or_insert_with(|| resident() - before);
        drop(storage);
        partitions::mark_clean(scene.dir()).expect("the directory can be written to");
        seconds
    }));
    let added = added.unwrap_or_default() as f64;
    rows.push(Row::alone(
        "open 10,000 idle partitions after a clean stop",
        format!("{seconds:.2} s"),
    ));
    let each = added / IDLE_COUNT as f64 / 1e3;
    rows.push(Row::alone(
        "memory of 10,000 idle partitions",
        format!("{:.0} MB, {each:.1} kB each", added / 1e6),
    ));
}

fn recover(value_bytes: usize) -> Row {
    let scene = Scene::new("recover");
    let config = Arc::new(config());
    let (storage, _) = scene.open(&config);
    let log = scene.log(&storage, &config);
    let batch = [scene.batch(16 << 10, value_bytes)];
    while log.size() < LOG_BYTES as u64 {
        scene.append(&log, &config, &batch);
    }
    let log_bytes = usize::try_from(log.size()).expect("it is a segment");
    let path = log.path().join(format!("{:020}.log", 0));
    // Dropped and not closed: that is a crash.
    drop((log, storage));
    let file = RealDisk.open(&path, Open::Read).expect("it is there");
    let pair = in_turns(
        ROUNDS,
        || (),
        || {
            let (_, report) = scene.open(&config);
            assert_eq!(report.recovered_bytes, log_bytes as u64, "all is recovered");
        },
        || read_all(&*file, log_bytes),
    );
    let what = format!("recover a log of 16 KiB batches, records of {value_bytes} bytes");
    Row::speeds(what, log_bytes, &pair)
}

fn read_all(file: &dyn File, bytes: usize) {
    let mut buffer = vec![0; 1 << 20];
    let mut position = 0;
    while position < bytes {
        let count = file.read_at(&mut buffer, position as u64).expect("it can be read");
        black_box(crc32c::crc32c(buffer.get(..count).unwrap_or_default()));
        position += count;
    }
}
