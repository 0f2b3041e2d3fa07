//! The four codecs, each from bytes to bytes in one call, since a batch is always whole.
//!
//! Compressed bytes are hostile: what they declare is compared with the caller's limit and with
//! what a codec can make of so few bytes before memory is set aside, and output is returned only if
//! the input was decoded to its last byte.

mod gzip;
mod lz4;
mod snappy;
mod space;
mod zstd;

use super::{BatchError, Compression};
pub use space::Decompressed;

/// Decompresses the payload of a batch to at most `limit` bytes. It must be one whole stream and
/// nothing else.
pub fn decompress(
    codec: Compression,
    payload: &[u8],
    limit: usize,
) -> Result<Decompressed, BatchError> {
    let mut out = Decompressed::new(limit);
    let result = match codec {
        // Nothing is what no codec writes, though some would read it.
        Compression::Gzip | Compression::Snappy | Compression::Lz4 | Compression::Zstd
            if payload.is_empty() =>
        {
            Err(Failure::damaged("there are no bytes"))
        }
        Compression::None => out.extend(payload),
        Compression::Gzip => gzip::decompress(payload, &mut out),
        Compression::Snappy => snappy::decompress(payload, &mut out),
        Compression::Lz4 => lz4::decompress(payload, &mut out),
        Compression::Zstd => zstd::decompress(payload, &mut out),
    };
    match result {
        Ok(()) => Ok(out),
        Err(Failure::TooLarge) => Err(BatchError::TooLarge { limit }),
        Err(Failure::Damaged(reason)) => Err(BatchError::Compression { codec, reason }),
    }
}

/// Appends `payload`, compressed, to `out`.
///
/// `level` is one of the codec's own (`compression.gzip.level`, `compression.zstd.level`), the
/// nearest one if out of its range, and the codec's default if none. Snappy has no levels, and for
/// lz4 only Kafka's default one is implemented.
pub fn compress(codec: Compression, level: Option<i32>, payload: &[u8], out: &mut Vec<u8>) {
    match codec {
        Compression::None => out.extend_from_slice(payload),
        Compression::Gzip => gzip::compress(payload, level, out),
        Compression::Snappy => snappy::compress(payload, out),
        Compression::Lz4 => lz4::compress(payload, out),
        Compression::Zstd => zstd::compress(payload, level, out),
    }
}

/// Why a payload cannot be decompressed.
enum Failure {
    /// It would take more than the limit.
    TooLarge,
    /// It is not what the codec writes.
    Damaged(String),
}

impl Failure {
    fn damaged(reason: impl ToString) -> Self {
        Self::Damaged(reason.to_string())
    }
}

#[cfg(test)]
mod tests;
