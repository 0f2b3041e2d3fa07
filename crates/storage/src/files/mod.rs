//! The small files beside a log, byte for byte as Apache Kafka 4.3 writes them, and the names of all files.
//!
//! Every format is a pair of pure functions, `encode` and `decode`. Whoever owns a file reads it with [`read`] and
//! writes it with [`replace_file`](crate::disk::replace_file), so that a crash leaves it whole.

pub mod checkpoint;
pub mod clean_shutdown;
pub mod leader_epochs;
pub mod meta_properties;
pub mod names;
pub mod partition_metadata;
mod properties;

use std::io;
use std::path::Path;

use crate::disk::{Disk, read_file};

/// The bytes of a file are not what they should be; the text says where and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FormatError {
    reason: String,
}

impl FormatError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// The same error with the file it was found in.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        Self { reason: format!("{}: {}", path.display(), self.reason) }
    }
}

/// Where reading and decoding are one call, damage is `InvalidData` with the [`FormatError`] inside.
impl From<FormatError> for io::Error {
    fn from(err: FormatError) -> Self {
        Self::new(io::ErrorKind::InvalidData, err)
    }
}

/// Reads and decodes a small file; `None` if there is none.
pub fn read<T>(
    disk: &dyn Disk,
    path: &Path,
    decode: impl FnOnce(&[u8]) -> Result<T, FormatError>,
) -> io::Result<Option<T>> {
    let bytes = match read_file(disk, path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    Ok(Some(decode(&bytes).map_err(|err| err.in_file(path))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{RealDisk, replace_file};

    #[test]
    fn read_missing_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let found = read(&RealDisk, &dir.path().join("absent"), |_| Ok(())).unwrap();
        assert_eq!(found, None);
    }

    #[test]
    fn read_damaged_file_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("damaged");
        replace_file(&RealDisk, &path, b"bytes").unwrap();
        let err = read(&RealDisk, &path, |bytes| {
            Err::<(), _>(FormatError::new(format!("{} bytes are odd", bytes.len())))
        })
        .unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidData);
        assert_eq!(err.to_string(), format!("{}: 5 bytes are odd", path.display()));
    }
}
