//! Zstandard, one-shot: the output buffer serves as the window, so that a frame that asks for a
//! window of 128 MiB costs nothing.
//!
//! The contexts, which take longer to make than a small batch to compress, stay with their thread.

use std::cell::Cell;

use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{
    CCtx, DCtx, compress_bound, get_error_name, get_frame_content_size, max_c_level, min_c_level,
};

use super::{Decompressed, Failure};

thread_local! {
    static DECOMPRESSION: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
    static COMPRESSION: Cell<Option<CCtx<'static>>> = const { Cell::new(None) };
}

/// A compression context grows with the level and the batch; a larger one than this is not kept.
const CONTEXT_BYTES_MAX: usize = 4 << 20;
/// Clients that compress as a stream do not say how much it was. The first guess is this many times
/// the payload, and no less than a block; each wrong guess is followed by a larger one.
const LIKELY_RATIO: usize = 4;
const BLOCK_BYTES: usize = 128 << 10;
/// A declared size is believed up to this many times the payload; beyond that it has to show in the
/// output.
const BELIEVED_RATIO: usize = 64;

pub(super) fn decompress(payload: &[u8], out: &mut Decompressed) -> Result<(), Failure> {
    let mut context = DECOMPRESSION.take().unwrap_or_else(DCtx::create);
    let result = decompress_with(&mut context, payload, out);
    DECOMPRESSION.set(Some(context));
    result
}

fn decompress_with(
    context: &mut DCtx<'_>,
    payload: &[u8],
    out: &mut Decompressed,
) -> Result<(), Failure> {
    let guess = payload.len().saturating_mul(LIKELY_RATIO).max(BLOCK_BYTES);
    let believed = payload.len().saturating_mul(BELIEVED_RATIO).max(guess);
    let declared = get_frame_content_size(payload).ok().flatten();
    let mut wanted =
        declared.map_or(guess, |size| usize::try_from(size).unwrap_or(believed).min(believed));
    loop {
        let spare = out.spare(wanted);
        let is_limited = spare.len() < wanted;
        match context.decompress(spare, payload) {
            Ok(written) => {
                out.advance(written);
                return Ok(());
            }
            Err(code) if code != too_small() => return Err(Failure::damaged(get_error_name(code))),
            Err(_) if is_limited => return Err(Failure::TooLarge),
            Err(_) => wanted = wanted.saturating_mul(LIKELY_RATIO).max(guess),
        }
    }
}

/// How zstd reports that the output did not fit.
const fn too_small() -> usize {
    (ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall as usize).wrapping_neg()
}

pub(super) fn compress(payload: &[u8], level: Option<i32>, out: &mut Vec<u8>) {
    let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
    let level = level.clamp(min_c_level(), max_c_level());
    let mut context = COMPRESSION.take().unwrap_or_else(CCtx::create);
    let start = out.len();
    out.resize(start + compress_bound(payload.len()), 0);
    let space = out.get_mut(start..).unwrap_or_default();
    let written = context.compress(space, payload, level).expect("the space is for the worst case");
    out.truncate(start + written);
    if context.sizeof() <= CONTEXT_BYTES_MAX {
        COMPRESSION.set(Some(context));
    }
}
