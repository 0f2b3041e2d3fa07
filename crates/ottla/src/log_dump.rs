//! `ottla log dump`: what is in the files of a log.
//!
//! It reads files as they lie, without opening the log, so it works beside a running broker and on damaged directories.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::record::{Batch, BatchHeader, Record};
use storage::disk::{Disk, RealDisk, read_file};
use storage::files::names::{FileKind, FileName};
use storage::files::{self, checkpoint, leader_epochs, meta_properties, partition_metadata};
use storage::index::offset::OffsetIndex;
use storage::index::time::TimeIndex;
use storage::index::txn::TxnIndex;
use storage::producer::snapshot;
use storage::{DECOMPRESSED_BYTES_MAX, Error, inspect};

/// Prints each of `paths`; of a directory, each file in it that is one of a log's.
pub(crate) fn run(paths: &[PathBuf], shows_records: bool, out: &mut dyn Write) -> io::Result<()> {
    for path in paths {
        if !path.is_dir() {
            dump(path, shows_records, out)?;
            continue;
        }
        for entry in RealDisk.list(path)?.iter().filter(|entry| !entry.is_dir) {
            dump(&path.join(&entry.name), shows_records, out)?;
        }
    }
    Ok(())
}

fn dump(path: &Path, shows_records: bool, out: &mut dyn Write) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(file_name) = FileName::parse(name) {
        writeln!(out, "{}", path.display())?;
        return dump_segment_file(path, file_name, shows_records, out);
    }
    match name {
        checkpoint::RECOVERY_POINT_FILE
        | checkpoint::LOG_START_OFFSET_FILE
        | checkpoint::HIGH_WATERMARK_FILE
        | checkpoint::CLEANER_FILE => {
            writeln!(out, "{}", path.display())?;
            let offsets = files::read(&RealDisk, path, checkpoint::decode)?.unwrap_or_default();
            for (topic_partition, offset) in offsets {
                writeln!(out, "  {topic_partition} {offset}")?;
            }
        }
        leader_epochs::FILE_NAME => {
            writeln!(out, "{}", path.display())?;
            let epochs = files::read(&RealDisk, path, leader_epochs::LeaderEpochs::decode)?;
            for entry in epochs.unwrap_or_default().entries() {
                writeln!(out, "  epoch {} from offset {}", entry.epoch, entry.start_offset)?;
            }
        }
        partition_metadata::FILE_NAME => {
            writeln!(out, "{}", path.display())?;
            let topic_id = files::read(&RealDisk, path, partition_metadata::decode)?;
            writeln!(out, "  topic id {}", topic_id.unwrap_or_default())?;
        }
        meta_properties::FILE_NAME => {
            writeln!(out, "{}", path.display())?;
            let meta = files::read(&RealDisk, path, meta_properties::MetaProperties::decode)?;
            let text = meta.map(|meta| meta.encode()).unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                writeln!(out, "  {line}")?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn dump_segment_file(
    path: &Path,
    name: FileName,
    shows_records: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let bytes = || read_file(&RealDisk, path);
    match name.kind {
        FileKind::Log => dump_batches(path, shows_records, out),
        FileKind::OffsetIndex => {
            OffsetIndex::decode(&bytes()?, name.base_offset).iter().try_for_each(|entry| {
                writeln!(out, "  offset {} position {}", entry.offset, entry.position)
            })
        }
        FileKind::TimeIndex => {
            TimeIndex::decode(&bytes()?, name.base_offset).iter().try_for_each(|entry| {
                writeln!(out, "  timestamp {} offset {}", entry.timestamp, entry.offset)
            })
        }
        FileKind::TxnIndex => {
            TxnIndex::decode(&bytes()?).iter().try_for_each(|txn| writeln!(out, "  {txn:?}"))
        }
        FileKind::ProducerSnapshot => {
            let entries = files::read(&RealDisk, path, snapshot::decode)?.unwrap_or_default();
            entries.iter().try_for_each(|entry| writeln!(out, "  {entry:?}"))
        }
    }
}

fn dump_batches(path: &Path, shows_records: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut printed = Ok(());
    let read = inspect::for_each_batch(&RealDisk, path, |position, batch| {
        if printed.is_ok() {
            printed = print_batch(position, batch, shows_records, out);
        }
        Ok(())
    });
    printed?;
    // What is wrong with a file is what a dump is for: it is said where it is found, and the next file is dumped.
    read.or_else(|err: Error| writeln!(out, "  {err}"))
}

fn print_batch(
    position: u32,
    batch: &Batch<'_>,
    shows_records: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let BatchHeader { base_offset, leader_epoch, record_count, max_timestamp, .. } = batch.header();
    let header = batch.header();
    writeln!(
        out,
        "  position {position} offsets {base_offset}..={} records {record_count} bytes {} epoch {leader_epoch} \
         max timestamp {max_timestamp} producer {}/{} sequence {} {:?}",
        header.last_offset(),
        header.size(),
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        header.attributes,
    )?;
    if let Err(err) = batch.check_crc() {
        writeln!(out, "    {err}")?;
    }
    if !shows_records {
        return Ok(());
    }
    match batch.records(DECOMPRESSED_BYTES_MAX) {
        Ok(records) => records.iter().try_for_each(|record| match record {
            Ok(record) => print_record(&record, out),
            Err(err) => writeln!(out, "    {err}"),
        }),
        Err(err) => writeln!(out, "    {err}"),
    }
}

fn print_record(record: &Record<'_>, out: &mut dyn Write) -> io::Result<()> {
    let text = |bytes: Option<&[u8]>| {
        bytes.map_or_else(|| "null".to_string(), |bytes| bytes.escape_ascii().to_string())
    };
    write!(
        out,
        "    offset {} timestamp {} key {} value {}",
        record.offset,
        record.timestamp,
        text(record.key),
        text(record.value)
    )?;
    for (key, value) in record.headers {
        write!(out, " header {}={}", key.escape_ascii(), text(value))?;
    }
    writeln!(out)
}
