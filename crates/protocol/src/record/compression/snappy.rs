//! Snappy, as one bare block or in the chunked framing of the Java library (xerial), which is what
//! Kafka's clients write.
//!
//! ```text
//! 0   magic               8 bytes  82 "SNAPPY" 00
//! 8   version             i32      1
//! 12  lowest that reads   i32      1
//! 16  chunks, each: i32 length, one bare block
//! ```
//! All numbers are big-endian.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::{Decompressed, Failure};

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// The magic and both versions, as we write them.
const HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// The framing we read; any header that asks for a later one is refused.
const VERSION: i32 = 1;
/// How much the Java library puts into a chunk.
const CHUNK_BYTES: usize = 32 * 1024;
/// No tag of three bytes copies more than 64, so a block that declares more than this many bytes a
/// byte is no block.
const RATIO_MAX: usize = 64;

pub(super) fn decompress(payload: &[u8], out: &mut Decompressed) -> Result<(), Failure> {
    let mut decoder = Decoder::new();
    let Some(mut rest) = header(payload)? else {
        return block(&mut decoder, payload, out);
    };
    while !rest.is_empty() {
        // A stream may be several, put one behind the other.
        if let Some(next) = header(rest)? {
            rest = next;
            continue;
        }
        let (length, after) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let length = usize::try_from(i32::from_be_bytes(*length))
            .map_err(|_| Failure::damaged("the length of a chunk is negative"))?;
        let (chunk, after) = after.split_at_checked(length).ok_or_else(cut_off)?;
        block(&mut decoder, chunk, out)?;
        rest = after;
    }
    Ok(())
}

/// What follows the framing's header, if there is one.
fn header(payload: &[u8]) -> Result<Option<&[u8]>, Failure> {
    let Some(rest) = payload.strip_prefix(&MAGIC) else {
        return Ok(None);
    };
    let (_version, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let (compatible, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
    if i32::from_be_bytes(*compatible) > VERSION {
        return Err(Failure::damaged("the framing is of a later version"));
    }
    Ok(Some(rest))
}

fn block(decoder: &mut Decoder, block: &[u8], out: &mut Decompressed) -> Result<(), Failure> {
    let length = decompress_len(block).map_err(Failure::damaged)?;
    if length > block.len().saturating_mul(RATIO_MAX) {
        return Err(Failure::damaged("a block declares more than it can hold"));
    }
    let spare = out.spare(length);
    if spare.len() < length {
        return Err(Failure::TooLarge);
    }
    let written = decoder.decompress(block, spare).map_err(Failure::damaged)?;
    out.advance(written);
    Ok(())
}

fn cut_off() -> Failure {
    Failure::damaged("the framing is cut off")
}

pub(super) fn compress(payload: &[u8], out: &mut Vec<u8>) {
    let mut encoder = Encoder::new();
    let mut block = vec![0; max_compress_len(payload.len().min(CHUNK_BYTES))];
    out.extend_from_slice(&HEADER);
    for chunk in payload.chunks(CHUNK_BYTES) {
        let written = encoder.compress(chunk, &mut block).expect("the block has room for a chunk");
        let length = i32::try_from(written).expect("a chunk is far below 2 GiB");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(block.get(..written).unwrap_or_default());
    }
}
