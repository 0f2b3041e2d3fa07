//! A partition's directory out of fuzz input, on a disk in memory, and a log opened on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::TopicConfig;
use protocol::record::Batches;
use protocol::{Offset, PartitionId, TopicPartition};
use storage::dir::{LogDir, NoObserver};
use storage::disk::{Disk, File, Open, write_all_at};
use storage::handles::HandlePool;
use storage::log::{OpenOptions, Opened, ReadRequest};
use storage::{Log, Result};
use testkit::FaultDisk;

use crate::{Input, NOW, batches};

/// Where the partition is.
const PATH: &str = "/data/fuzz-0";

/// The names that mean something in a partition's directory; all others come from the input.
const KINDS: [&str; 5] = [".log", ".index", ".timeindex", ".txnindex", ".snapshot"];
const STAGES: [&str; 4] = ["", ".cleaned", ".swap", ".deleted"];
const FILES: [&str; 4] = [
    "leader-epoch-checkpoint",
    "partition.metadata",
    "next-segment",
    "00000000000000000000.log.tmp",
];

/// A disk with a partition's directory, and what is known of it beside.
#[derive(Debug)]
pub struct Scene {
    disk: FaultDisk,
    pub was_clean: bool,
    pub recovery_point: Offset,
    pub log_start: Offset,
    pub high_watermark: Offset,
    pub config: Arc<TopicConfig>,
}

impl Scene {
    /// An empty directory.
    pub fn empty() -> Self {
        let disk = FaultDisk::new(0);
        disk.create_dir_all(Path::new(PATH)).expect("the disk is empty");
        // Small, so that inputs of some kilobytes roll segments and fill indexes.
        let config = TopicConfig {
            segment_bytes: 2048,
            segment_index_bytes: 120,
            index_interval_bytes: 100,
            file_delete_delay_ms: 0,
            ..TopicConfig::default()
        };
        Self {
            disk,
            was_clean: false,
            recovery_point: Offset::ZERO,
            log_start: Offset::ZERO,
            high_watermark: Offset::ZERO,
            config: Arc::new(config),
        }
    }

    /// A directory of any content.
    ///
    /// | bytes | what                                                                              |
    /// |-------|-----------------------------------------------------------------------------------|
    /// | 1     | 1 if it was closed in order                                                       |
    /// | 3     | recovery point, log start, high watermark                                         |
    /// | ...   | entries, each:                                                                    |
    /// | 1     | kind: of a segment's file and its stage, or one of the others, or any name        |
    /// | 1     | base offset                                                                       |
    /// | 1     | 0 as it is, 1 with batches mended, 2 with batches built, 3 with a checksum, 7 dir |
    /// | 2     | length                                                                            |
    /// | ...   | content                                                                           |
    pub fn read(input: &mut Input<'_>) -> Self {
        let mut scene = Self::empty();
        scene.was_clean = input.byte() & 1 != 0;
        scene.recovery_point = input.offset();
        scene.log_start = input.offset();
        scene.high_watermark = input.offset();
        while !input.is_empty() {
            scene.read_entry(input);
        }
        scene
    }

    fn read_entry(&self, input: &mut Input<'_>) {
        let (kind, base_offset, form) = (input.byte(), input.offset(), input.byte());
        let mut content = Input(input.sized());
        let Some(name) = name(kind, base_offset, &mut content) else { return };
        let path = Path::new(PATH).join(name);
        if form == 7 {
            // Where a file has the name already, there is no directory.
            let _unused = self.disk.create_dir_all(&path);
            return;
        }
        let mut bytes = Vec::new();
        match form {
            2 => batches::build(&mut content, &mut bytes),
            _ => bytes.extend_from_slice(content.0),
        }
        match form {
            1 => batches::mend(&mut bytes),
            3 if bytes.len() >= 6 => {
                let crc = crc32c::crc32c(&bytes[6..]);
                bytes[2..6].copy_from_slice(&crc.to_be_bytes());
            }
            _ => {}
        }
        if let Ok(file) = self.disk.open(&path, Open::Truncate) {
            write(&*file, &bytes);
        }
    }

    /// Opens the log, as a process that has just started.
    pub fn open(&self) -> Result<(Arc<LogDir>, Opened)> {
        let pool = HandlePool::new(Arc::new(self.disk.clone()), 100);
        let dir = LogDir::new(PathBuf::from("/data"), pool, Arc::new(NoObserver));
        let opened = Log::open(
            &dir,
            OpenOptions {
                topic_partition: TopicPartition::new("fuzz", PartitionId(0)),
                path: PathBuf::from(PATH),
                config: Arc::clone(&self.config),
                was_clean: self.was_clean,
                recovery_point: self.recovery_point,
                log_start: self.log_start,
                high_watermark: self.high_watermark,
                cleaned_to: Offset::ZERO,
                producer_expiration_ms: 86_400_000,
                now: NOW,
            },
        )?;
        Ok((dir, opened))
    }
}

fn write(file: &dyn File, bytes: &[u8]) {
    write_all_at(file, bytes, 0).expect("the disk has room");
    file.sync_data().expect("the disk works");
}

fn name(kind: u8, base_offset: Offset, content: &mut Input<'_>) -> Option<String> {
    let kind = usize::from(kind);
    let segment_files = KINDS.len() * STAGES.len();
    if kind < segment_files {
        let (kind, stage) = (KINDS[kind % KINDS.len()], STAGES[kind / KINDS.len()]);
        return Some(format!("{base_offset:020}{kind}{stage}", base_offset = base_offset.0));
    }
    if let Some(name) = FILES.get(kind - segment_files) {
        return Some((*name).to_owned());
    }
    let len = content.byte();
    let name = std::str::from_utf8(content.bytes(len.into())).ok()?;
    let is_name = !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
    is_name.then(|| name.to_owned())
}

/// Reads a log from its start to its end in small pieces, and returns where its last batch ends. With `must_succeed`,
/// nothing may be wrong with it but that a segment reaches over the start of the next, which no crash leaves behind;
/// then, and when something is wrong otherwise, it returns none.
pub fn read_all(log: &Log, must_succeed: bool) -> Option<Offset> {
    let (mut offset, end) = (log.log_start_offset(), log.log_end_offset());
    let mut batches_end = offset;
    while offset < end {
        let request =
            ReadRequest { offset, max_bytes: 200, bound: end, at_least_one: true, may_block: true };
        let fetched = match log.read(&request) {
            Ok(fetched) => fetched,
            Err(err) if must_succeed => panic!("read at {offset}: {err}"),
            Err(_) => return None,
        };
        let Some(records) = fetched.records else { break };
        let is_forward = fetched.next_offset > offset;
        assert!(is_forward || !must_succeed, "a read at {offset} leads to no later offset");
        batches_end = check_batches(&records, offset, must_succeed);
        if !is_forward || batches_end > fetched.next_offset.min(end) {
            return None;
        }
        offset = fetched.next_offset;
    }
    Some(batches_end)
}

/// Returns where the last batch ends.
fn check_batches(bytes: &[u8], offset: Offset, must_succeed: bool) -> Offset {
    let mut wanted = offset;
    for (batch_idx, batch) in Batches::new(bytes).enumerate() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(err) if must_succeed => panic!("a read returns whole batches: {err}"),
            Err(_) => break,
        };
        let header = batch.header();
        if must_succeed {
            batch.check_crc().expect("a recovered log has good batches");
            assert!(header.last_offset() >= wanted, "{header:?} comes before {wanted}");
            assert!(batch_idx == 0 || header.base_offset >= wanted, "{header:?} overlaps {wanted}");
        }
        wanted = header.next_offset();
    }
    wanted
}
