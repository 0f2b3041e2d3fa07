//! What the fuzz targets share: how bytes become numbers, batches and directories.
//!
//! Every target takes its input from the front and reads zeros when it is used up, so that any bytes are an input and
//! a longer one only adds to a shorter one.

pub mod batches;
pub mod dir;

use protocol::{Offset, Timestamp};

/// The time in all targets.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// What is left of an input.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// Up to `len` bytes.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes that have their length, of 16 bits, before them.
    pub fn sized(&mut self) -> &'a [u8] {
        let len = u16::from_be_bytes([self.byte(), self.byte()]);
        self.bytes(len.into())
    }

    /// Mostly a small offset, so that those of one input meet; some at the edges.
    pub fn offset(&mut self) -> Offset {
        match self.byte() {
            255 => Offset::MAX,
            254 => Offset(i64::MAX - 2),
            253 => Offset(i64::from(i32::MAX)),
            252 => Offset(1 << 40),
            small => Offset(small.into()),
        }
    }
}
