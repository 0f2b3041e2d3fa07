//! Appends: a batch is checked whole, gets its offset, and is written; beside it, the same bytes under CRC-32C written
//! to a file whose blocks are set aside, and nothing else.

use std::fs;
use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use storage::Housekeeper;

use crate::measure::{Pair, Row, in_turns, size};
use crate::scene::{Scene, config};

/// What is written in a round, and how often: together less than a segment, which rolls at a gibibyte, and less than
/// what makes the kernel hold writers back until the disk has followed.
const ROUND_BYTES: usize = 8 << 20;
const ROUNDS: usize = 41;

pub(crate) fn measure(rows: &mut Vec<Row>) {
    for kib in [1, 16, 128, 1024] {
        let bytes = kib << 10;
        let pair = append(bytes, 1000, 1);
        rows.push(Row::speeds(format!("append, batches of {}", size(bytes)), ROUND_BYTES, &pair));
    }
    let pair = append(16 << 10, 100, 1);
    rows.push(Row::speeds("append, batches of 16 KiB, records of 100 bytes", ROUND_BYTES, &pair));
    for kib in [1, 16] {
        let pair = append(kib << 10, 1000, 16);
        let what = format!("append, 16 batches of {} in one call", size(kib << 10));
        rows.push(Row::speeds(what, ROUND_BYTES, &pair));
    }
}

fn append(batch_bytes: usize, value_bytes: usize, group: usize) -> Pair {
    let scene = Scene::new("append");
    let config = Arc::new(config());
    let (storage, _) = scene.open(&config);
    let keeper = Housekeeper::start(&storage).expect("threads can be started");
    let log = scene.log(&storage, &config);
    let batches: Vec<Bytes> = vec![scene.batch(batch_bytes, value_bytes); group];
    let call_bytes: usize = batches.iter().map(Bytes::len).sum();
    let calls = ROUND_BYTES / call_bytes;
    let file = scene.file("limit", ROUND_BYTES * (ROUNDS + 1));
    let mut position = 0;
    let pair = in_turns(
        ROUNDS,
        || warm_pages(&scene, &batches),
        || (0..calls).for_each(|_| scene.append(&log, &config, &batches)),
        || {
            for _ in 0..calls {
                let slices: Vec<_> = batches
                    .iter()
                    .map(|batch| {
                        black_box(crc32c::crc32c(batch));
                        IoSlice::new(batch)
                    })
                    .collect();
                let written = file.write_vectored_at(&slices, position).expect("it is written");
                assert_eq!(written, call_bytes, "a file takes all of a small write");
                position += call_bytes as u64;
            }
        },
    );
    keeper.stop();
    pair
}

/// Leaves the kernel as much memory as a round takes. A virtual machine gives memory that is free for some seconds back
/// to its host, and to get it again, at the first touch, costs several times what is measured here.
fn warm_pages(scene: &Scene, batches: &[Bytes]) {
    let file = scene.file("warm", 4 * ROUND_BYTES);
    let mut position = 0;
    for batch in batches.iter().cycle() {
        if position >= 4 * ROUND_BYTES {
            break;
        }
        file.write_vectored_at(&[IoSlice::new(batch)], position as u64).expect("it is written");
        position += batch.len();
    }
    fs::remove_file(scene.dir().join("warm")).expect("it is there");
}
