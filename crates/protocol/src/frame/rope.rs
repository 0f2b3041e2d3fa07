//! A frame in pieces: what was encoded, and between it the slices of the log that it would otherwise have copied.
//!
//! `kafka-protocol` hands every field of bytes to `put_slice`. The encoder knows the slices that were shared with it by
//! where they lie in memory, so it recognises one of them and keeps a reference in its place. The bytes of a rope are
//! those that a flat buffer would hold.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;

use bytes::buf::UninitSlice;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::buf::ByteBufMut;

/// The smallest slice that is kept by reference: below, a copy costs less than one more piece to write.
const SHARED_BYTES_MIN: usize = 4096;

/// A piece of a rope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes that were encoded.
    Owned(Bytes),
    /// What is left of a slice that was shared.
    Shared {
        /// The bytes.
        bytes: Bytes,
        /// What [`RopeEncoder::share`] returned for the slice; a file may hold the same bytes.
        index: usize,
        /// Where in the slice they begin; above 0 once part of it has been written.
        offset: usize,
    },
}

impl Segment {
    fn bytes(&self) -> &Bytes {
        match self {
            Self::Owned(bytes) | Self::Shared { bytes, .. } => bytes,
        }
    }
}

/// A buffer to encode one frame into.
#[derive(Debug, Default)]
pub struct RopeEncoder {
    /// All that was encoded, in one buffer; the shared slices belong between its bytes.
    owned: BytesMut,
    /// The slices that may come.
    shared: Vec<Bytes>,
    /// Those that came: the length of `owned` before, and the slice's index.
    placed: Vec<(usize, usize)>,
    /// How many bytes those that came have.
    placed_bytes: usize,
}

impl RopeEncoder {
    /// An empty encoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a slice known, so that it is not copied when it is encoded whole. Returns its index.
    pub fn share(&mut self, slice: Bytes) -> usize {
        self.shared.push(slice);
        self.shared.len() - 1
    }

    /// How many bytes the rope has so far.
    pub fn len(&self) -> usize {
        self.owned.len() + self.placed_bytes
    }

    /// True if nothing was encoded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The finished rope.
    pub fn finish(self) -> Rope {
        let mut owned = self.owned.freeze();
        let mut rope = Rope { len: owned.len() + self.placed_bytes, segments: VecDeque::new() };
        let mut position = 0;
        for (end, index) in self.placed {
            rope.push_owned(owned.split_to(end - position));
            position = end;
            if let Some(bytes) = self.shared.get(index).cloned() {
                rope.segments.push_back(Segment::Shared { bytes, index, offset: 0 });
            }
        }
        rope.push_owned(owned);
        rope
    }

    /// The index of the shared slice that `slice` is. Slices are encoded in the order in which they were shared, or
    /// nearly so: the search begins behind the last one that came.
    fn find(&self, slice: &[u8]) -> Option<usize> {
        let next = self.placed.last().map_or(0, |(_, index)| index + 1);
        let (before, after) = self.shared.split_at_checked(next)?;
        let is_it = |shared: &Bytes| shared.as_ptr_range() == slice.as_ptr_range();
        let later = after.iter().position(is_it).map(|place| next + place);
        later.or_else(|| before.iter().position(is_it))
    }
}

// SAFETY: all goes to the `BytesMut`, which keeps the contract; `put_slice` may leave out of it what it likes.
#[expect(unsafe_code, reason = "the trait is unsafe to implement")]
unsafe impl BufMut for RopeEncoder {
    fn remaining_mut(&self) -> usize {
        self.owned.remaining_mut()
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        // SAFETY: the caller has written `count` bytes to the chunk below.
        unsafe { self.owned.advance_mut(count) }
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        self.owned.chunk_mut()
    }

    fn put_slice(&mut self, slice: &[u8]) {
        let index = if slice.len() < SHARED_BYTES_MIN { None } else { self.find(slice) };
        match index {
            Some(index) => {
                self.placed.push((self.owned.len(), index));
                self.placed_bytes += slice.len();
            }
            None => self.owned.extend_from_slice(slice),
        }
    }
}

/// Offsets count the encoded bytes alone: a gap is a number that is filled in later, and never a shared slice.
impl ByteBufMut for RopeEncoder {
    fn offset(&self) -> usize {
        self.owned.len()
    }

    fn seek(&mut self, offset: usize) {
        self.owned.resize(offset, 0);
    }

    fn range(&mut self, range: Range<usize>) -> &mut [u8] {
        ByteBufMut::range(&mut self.owned, range)
    }
}

/// A frame to write. As a [`Buf`] it is what is left of it.
#[derive(Clone, Debug)]
pub struct Rope {
    segments: VecDeque<Segment>,
    len: usize,
}

impl Rope {
    /// What is written next: a segment with bytes in it, unless all are written.
    pub fn front(&self) -> Option<&Segment> {
        self.segments.front()
    }

    /// The segments that are left.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Adds the segments of another frame. Its slices count from `first_index` on.
    pub fn append(&mut self, other: Self, first_index: usize) {
        self.len += other.len;
        self.segments.extend(other.segments.into_iter().map(|segment| match segment {
            Segment::Shared { bytes, index, offset } => {
                Segment::Shared { bytes, index: first_index + index, offset }
            }
            owned => owned,
        }));
    }

    fn push_owned(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.segments.push_back(Segment::Owned(bytes));
        }
    }
}

/// A frame in one buffer, such as a client sends.
impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        let mut rope = Self { len: bytes.len(), segments: VecDeque::new() };
        rope.push_owned(bytes);
        rope
    }
}

impl Buf for Rope {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.front().map(|segment| segment.bytes().as_ref()).unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pairs = slices.iter_mut().zip(&self.segments);
        pairs.map(|(slice, segment)| *slice = IoSlice::new(segment.bytes())).count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len, "{count} bytes of a rope of {} cannot be written", self.len);
        self.len -= count;
        while count > 0
            && let Some(segment) = self.segments.front_mut()
        {
            let step = count.min(segment.bytes().len());
            count -= step;
            match segment {
                Segment::Owned(bytes) => bytes.advance(step),
                Segment::Shared { bytes, offset, .. } => {
                    bytes.advance(step);
                    *offset += step;
                }
            }
            if segment.bytes().is_empty() {
                self.segments.pop_front();
            }
        }
    }
}
