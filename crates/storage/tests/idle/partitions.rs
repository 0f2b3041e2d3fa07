//! A log directory with many idle partitions, for the test beside this file and for `benches/storage`.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use config::{BROKER, Settings, StorageConfig, TopicConfig};
use protocol::record::{BatchBuilder, BatchOptions};
use protocol::{BrokerId, LeaderEpoch, Offset, PartitionId, Timestamp, TopicId, TopicPartition};
use storage::dir::NoObserver;
use storage::disk::RealDisk;
use storage::files::{checkpoint, clean_shutdown};
use storage::log::LeaderAppend;
use storage::producer::Origin;
use storage::validate::{Rules, validate};
use storage::{OpenReport, Storage, StorageOptions};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The files that a broker keeps open: as many as fit into the usual limit of 65,530 maps several times over.
const OPEN_FILES_MAX: usize = 8_192;

fn partition(number: usize) -> TopicPartition {
    TopicPartition::new("idle", PartitionId(i32::try_from(number).expect("they are few")))
}

/// Opens the log directory `dir`.
pub(crate) fn open(dir: &Path) -> Result<(Arc<Storage>, OpenReport), Box<dyn Error>> {
    let mut settings = Settings::new(&BROKER);
    settings.set("log.dirs", &dir.to_string_lossy())?;
    let options = StorageOptions {
        config: StorageConfig::new(&settings)?,
        node_id: BrokerId(1),
        cluster_id: None,
        disk: Arc::new(RealDisk),
        observer: Arc::new(NoObserver),
        open_files_max: OPEN_FILES_MAX,
        free_bytes_min: 0,
        now: NOW,
    };
    let config = Arc::new(TopicConfig::default());
    Ok(Storage::open(&options, &|_| Arc::clone(&config))?)
}

/// Makes `count` partitions with one record each, as a broker leaves them that is stopped in order.
pub(crate) fn make(dir: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    let (storage, _) = open(dir)?;
    let config = Arc::new(TopicConfig::default());
    let log = storage.create(&partition(0), TopicId([1; 16]), Arc::clone(&config), NOW)?;
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, Some(b"key"), Some(b"value"), &[]);
    let rules = Rules { config: &config, origin: Origin::Client, now: NOW };
    let records = validate(&Bytes::from(builder.build()), &rules)?;
    let append = LeaderAppend::new(&records, Origin::Client);
    log.append_as_leader(&[append], LeaderEpoch(0), NOW)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    storage.close(0)?;
    // The others are copies: making them one by one would sync every file of them.
    let first = dir.join(partition(0).to_string());
    for number in 1..count {
        let copy = dir.join(partition(number).to_string());
        fs::create_dir(&copy)?;
        for entry in fs::read_dir(&first)? {
            let entry = entry?;
            fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
    }
    let partitions: Vec<_> = (0..count).map(partition).collect();
    for (name, offset) in [
        (checkpoint::RECOVERY_POINT_FILE, Offset(1)),
        (checkpoint::HIGH_WATERMARK_FILE, Offset(1)),
        (checkpoint::LOG_START_OFFSET_FILE, Offset(0)),
    ] {
        let offsets = partitions.iter().map(|partition| (partition, offset));
        fs::write(dir.join(name), checkpoint::encode(offsets))?;
    }
    mark_clean(dir)?;
    Ok(())
}

/// Says of a log directory that its logs have been closed.
pub(crate) fn mark_clean(dir: &Path) -> io::Result<()> {
    fs::write(dir.join(clean_shutdown::FILE_NAME), clean_shutdown::encode(0))
}

/// The memory of this process, mapped files included.
pub(crate) fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}
