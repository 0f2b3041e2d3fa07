//! Gzip (RFC 1952), one member or several as Java reads them.

use std::io::{Read, Write};
use std::ops::RangeInclusive;

use flate2::Compression as Level;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Decompressed, Failure};

/// Output is made room for in pieces of this many times the payload, most often one.
const LIKELY_RATIO: usize = 4;

/// What `compression.gzip.level` may be, and what stands for the default.
const LEVELS: RangeInclusive<i32> = 1..=9;
const LEVEL_DEFAULT: i32 = -1;

pub(super) fn decompress(payload: &[u8], out: &mut Decompressed) -> Result<(), Failure> {
    let mut decoder = MultiGzDecoder::new(payload);
    let wanted = payload.len().saturating_mul(LIKELY_RATIO);
    loop {
        let spare = out.spare(wanted);
        if spare.is_empty() {
            // The limit is reached: fine if this is the end.
            return match decoder.read(&mut [0]).map_err(Failure::damaged)? {
                0 => Ok(()),
                _ => Err(Failure::TooLarge),
            };
        }
        match decoder.read(spare).map_err(Failure::damaged)? {
            0 => return Ok(()),
            written => out.advance(written),
        }
    }
}

pub(super) fn compress(payload: &[u8], level: Option<i32>, out: &mut Vec<u8>) {
    let level = match level {
        None | Some(LEVEL_DEFAULT) => Level::default(),
        Some(level) => Level::new(level.clamp(*LEVELS.start(), *LEVELS.end()).cast_unsigned()),
    };
    let mut encoder = GzEncoder::new(out, level);
    encoder.write_all(payload).and_then(|()| encoder.try_finish()).expect("a Vec takes all bytes");
}
