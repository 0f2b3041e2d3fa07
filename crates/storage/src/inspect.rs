//! Reading the files of a log from outside, for the operator's tools: nothing is changed and nothing is locked.

use std::path::Path;

use protocol::record::Batch;

use crate::disk::{Disk, Open};
use crate::error::{Error, IoContext, Result};
use crate::scan::{SCAN_BYTES, Scan, ScanError};

/// Shows every whole batch of a log file and its position to `visit`, in order. Where the file ends in something else,
/// that is the error, after all that is whole has been shown.
pub fn for_each_batch(
    disk: &dyn Disk,
    path: &Path,
    mut visit: impl FnMut(u32, &Batch<'_>) -> Result<()>,
) -> Result<()> {
    let file = disk.open(path, Open::Read).context("open", path)?;
    let size = u32::try_from(file.len().context("read", path)?).unwrap_or(u32::MAX);
    let mut scan = Scan::new(&*file, 0, size, SCAN_BYTES);
    loop {
        match scan.next() {
            Ok(Some((position, batch))) => visit(position, &batch)?,
            Ok(None) => return Ok(()),
            Err(ScanError::Io(source)) => return Err(Error::io("read", path, source)),
            Err(err @ ScanError::Torn { .. }) => return Err(Error::corrupt(path, err)),
        }
    }
}
