//! The LZ4 frame format, version 1: one frame of independent blocks, which is all that Kafka reads
//! (`Lz4BlockInputStream`).
//!
//! ```text
//! magic          u32       0x184d2204
//! FLG            u8        bits 7–6 version 01, 5 independent blocks, 4 block checksums,
//!                          3 content size, 2 content checksum, 1–0 not supported
//! BD             u8        bits 6–4 block size, 64 KiB (4) to 4 MiB (7)
//! content size   u64       if FLG says so
//! HC             u8        second byte of the XXH32 of what lies between it and the magic
//! blocks         each: u32 length, top bit set if stored as is
//!                      bytes
//!                      u32 XXH32 of them if FLG says so
//! end mark       u32       0
//! checksum       u32       XXH32 of the content if FLG says so
//! ```
//! All little-endian. The frame reader of `lz4_flex` is not used: it takes a frame cut off between
//! blocks for a whole one.

use lz4_flex::block::{
    CompressTable, DecompressError, compress_into_with_table, decompress_into,
    get_maximum_output_size,
};
use xxhash_rust::xxh32::xxh32;

use super::{Decompressed, Failure};

const MAGIC: u32 = 0x184d_2204;
/// The bits of FLG: what must be set, what must not be, and the choices.
const FLG_REQUIRED: u8 = 0b0110_0000;
const FLG_REFUSED: u8 = 0b1000_0011;
const FLG_BLOCK_CHECKSUM: u8 = 0b0001_0000;
const FLG_CONTENT_SIZE: u8 = 0b0000_1000;
const FLG_CONTENT_CHECKSUM: u8 = 0b0000_0100;
/// The top bit of a block's length: its bytes are not compressed.
const STORED: u32 = 0x8000_0000;
/// One byte of a length stands for at most 255, so a block holds less than this many bytes a byte.
const RATIO_MAX: usize = 256;
/// What is tried first, but no less than the smallest block: large blocks are seldom filled.
const LIKELY_RATIO: usize = 16;
const LIKELY_BYTES_MIN: usize = 64 << 10;

/// What the frame's descriptor chooses.
struct Frame {
    block_bytes_max: usize,
    block_checksum: bool,
    content_size: Option<u64>,
    content_checksum: bool,
}

pub(super) fn decompress(payload: &[u8], out: &mut Decompressed) -> Result<(), Failure> {
    let mut input = Input(payload);
    let frame = Frame::read(&mut input)?;
    loop {
        let length = input.u32()?;
        if length == 0 {
            break;
        }
        frame.block(length, &mut input, out)?;
    }
    if frame.content_size.is_some_and(|size| size != out.len() as u64) {
        return Err(Failure::damaged("the content is not of its declared size"));
    }
    if frame.content_checksum && input.u32()? != xxh32(out, 0) {
        return Err(Failure::damaged("the content fails its checksum"));
    }
    if !input.0.is_empty() {
        return Err(Failure::damaged("bytes follow the frame"));
    }
    Ok(())
}

impl Frame {
    fn read(input: &mut Input<'_>) -> Result<Self, Failure> {
        if input.u32()? != MAGIC {
            return Err(Failure::damaged("it is no lz4 frame"));
        }
        let descriptor = input.0;
        let [flags, block_size] = input.take()?;
        if flags & FLG_REQUIRED != FLG_REQUIRED || flags & FLG_REFUSED != 0 {
            return Err(Failure::damaged("the frame is of a kind that Kafka does not read"));
        }
        let block_bytes_max = match block_size {
            0x40 => 64 << 10,
            0x50 => 256 << 10,
            0x60 => 1 << 20,
            0x70 => 4 << 20,
            _ => return Err(Failure::damaged("the frame's block size is unknown")),
        };
        let content_size = match flags & FLG_CONTENT_SIZE {
            0 => None,
            _ => Some(u64::from_le_bytes(input.take()?)),
        };
        let described = descriptor.len() - input.0.len();
        let [checksum] = input.take()?;
        if checksum != header_checksum(descriptor.get(..described).unwrap_or_default()) {
            return Err(Failure::damaged("the frame's header fails its checksum"));
        }
        Ok(Self {
            block_bytes_max,
            block_checksum: flags & FLG_BLOCK_CHECKSUM != 0,
            content_size,
            content_checksum: flags & FLG_CONTENT_CHECKSUM != 0,
        })
    }

    /// Reads one block, whose length field is `length`.
    fn block(
        &self,
        length: u32,
        input: &mut Input<'_>,
        out: &mut Decompressed,
    ) -> Result<(), Failure> {
        let bytes = input.bytes((length & !STORED) as usize)?;
        if bytes.len() > self.block_bytes_max {
            return Err(Failure::damaged("a block is larger than the frame allows"));
        }
        if self.block_checksum && input.u32()? != xxh32(bytes, 0) {
            return Err(Failure::damaged("a block fails its checksum"));
        }
        if length & STORED != 0 {
            return out.extend(bytes);
        }
        let most = self.block_bytes_max.min(bytes.len() * RATIO_MAX);
        let mut wanted = most.min((bytes.len() * LIKELY_RATIO).max(LIKELY_BYTES_MIN));
        loop {
            let spare = out.spare(wanted);
            let is_limited = spare.len() < wanted;
            match decompress_into(bytes, spare) {
                Ok(written) => {
                    out.advance(written);
                    return Ok(());
                }
                Err(DecompressError::OutputTooSmall { .. }) if is_limited => {
                    return Err(Failure::TooLarge);
                }
                Err(DecompressError::OutputTooSmall { .. }) if wanted < most => wanted = most,
                Err(error) => return Err(Failure::damaged(error)),
            }
        }
    }
}

/// The second byte of the hash.
fn header_checksum(descriptor: &[u8]) -> u8 {
    xxh32(descriptor, 0).to_le_bytes()[1]
}

/// What has not been read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, Failure> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn cut_off() -> Failure {
    Failure::damaged("the frame is cut off")
}

/// What Kafka writes: blocks of 64 KiB, no checksums.
const BLOCK_BYTES: usize = 64 << 10;
const DESCRIPTOR: [u8; 2] = [FLG_REQUIRED, 0x40];

pub(super) fn compress(payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&DESCRIPTOR);
    out.push(header_checksum(&DESCRIPTOR));
    let mut table = CompressTable::default();
    let mut space = vec![0; get_maximum_output_size(payload.len().min(BLOCK_BYTES))];
    for block in payload.chunks(BLOCK_BYTES) {
        let written = compress_into_with_table(block, &mut space, &mut table)
            .expect("the space is for the worst case");
        let compressed = space.get(..written).unwrap_or_default();
        let (flag, bytes) = if written < block.len() { (0, compressed) } else { (STORED, block) };
        let length = u32::try_from(bytes.len()).expect("a block is at most 64 KiB");
        out.extend_from_slice(&(length | flag).to_le_bytes());
        out.extend_from_slice(bytes);
    }
    out.extend_from_slice(&0_u32.to_le_bytes());
}
