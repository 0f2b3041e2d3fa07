//! The three indexes on files of any content: they are read or refused, one that passes its check is in order, and one
//! that is cut or emptied works again.

#![no_main]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuzz::Input;
use libfuzzer_sys::fuzz_target;
use protocol::{Offset, ProducerId, Timestamp};
use storage::disk::{Disk, Open, write_all_at};
use storage::handles::{HandlePool, LazyFile};
use storage::index::offset::OffsetIndex;
use storage::index::time::TimeIndex;
use storage::index::txn::{AbortedTxn, TxnIndex};
use testkit::FaultDisk;

const BASE: Offset = Offset(10);

fn file(content: &[u8]) -> LazyFile {
    let disk = FaultDisk::new(0);
    let path = Path::new("/index");
    let file = disk.open(path, Open::Create).expect("the disk is empty");
    write_all_at(&*file, content, 0).expect("the disk has room");
    LazyFile::new(&HandlePool::new(Arc::new(disk), 4), PathBuf::from(path))
}

/// Bytes that are no index are refused; the simulated disk itself never fails.
fn refused(err: &io::Error) {
    assert_eq!(err.kind(), io::ErrorKind::InvalidData, "{err}");
}

fn check_offset_index(content: &[u8], target: Offset) -> io::Result<()> {
    let index = OffsetIndex::new(file(content), BASE, 1 << 20, true);
    let is_good = index.check(1 << 20)?.is_ok();
    let found = index.lookup(target)?;
    assert!(!is_good || found.offset <= target.max(BASE));
    assert!(index.is_resident(target));
    assert!(index.floor_of_position(found.position)?.position <= found.position);
    index.truncate_to(target)?;
    let last = index.last()?;
    assert!(!is_good || last.offset < target || last.offset == BASE);
    index.append(last.offset.max(BASE) + 1, last.position + 1)?;
    let count = index.entry_count()?;
    index.close()?;
    assert_eq!(index.entry_count()?, count);
    index.reset()?;
    assert_eq!(index.entry_count()?, 0);
    Ok(())
}

fn check_time_index(content: &[u8], target: Offset) -> io::Result<()> {
    let index = TimeIndex::new(file(content), BASE, 1 << 20, true);
    let is_good = index.check()?.is_ok();
    let time = Timestamp(target.0);
    assert!(!is_good || index.lookup(time)?.timestamp <= time.max(Timestamp::NONE));
    index.truncate_to(target)?;
    let last = index.last()?;
    assert!(!is_good || last.offset < target || last.offset == BASE);
    if last.timestamp.0 < i64::MAX {
        index.maybe_append(Timestamp(last.timestamp.0 + 1), last.offset, true)?;
        let count = index.entry_count()?;
        index.close()?;
        assert_eq!(index.entry_count()?, count);
    }
    index.reset()?;
    assert_eq!(index.last()?.timestamp, Timestamp::NONE);
    Ok(())
}

fn check_txn_index(content: &[u8], target: Offset) -> io::Result<()> {
    let index = TxnIndex::new(file(content), BASE, true);
    let is_good = index.check()?.is_ok();
    let count = index.entry_count()?;
    assert!(index.collect_aborted(target, target + 10)?.transactions.len() <= count);
    index.truncate_to(target)?;
    let all = index.all()?;
    assert!(!is_good || all.iter().all(|txn| txn.last_offset < target));
    let last_offset = all.last().map_or(BASE, |last| last.last_offset).max(BASE).next();
    if last_offset < Offset::MAX {
        let producer_id = ProducerId(1);
        let last_stable_offset = last_offset.next();
        index.append(AbortedTxn {
            producer_id,
            first_offset: BASE,
            last_offset,
            last_stable_offset,
        })?;
        index.close()?;
        assert_eq!(index.entry_count()?, all.len() + 1);
    }
    index.reset()?;
    assert_eq!(index.entry_count()?, 0);
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (which, target) = (input.byte(), input.offset());
    let result = match which % 3 {
        0 => check_offset_index(input.0, target),
        1 => check_time_index(input.0, target),
        _ => check_txn_index(input.0, target),
    };
    if let Err(err) = result {
        refused(&err);
    }
});
