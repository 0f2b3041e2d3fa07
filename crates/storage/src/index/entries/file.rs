//! The entries as they are in the file: counted, searched and read, without any state of their own.

use std::io;
use std::ops::Range;

use super::{Entry, Found};
use crate::disk::{File, read_exact_at};
use crate::files::FormatError;

/// How much of the file a look-up reads, once it knows where.
const BLOCK_BYTES: usize = 4096;

pub(super) const fn per_block<E: Entry>() -> usize {
    BLOCK_BYTES / E::BYTES
}

/// How many of the slots hold entries: those in front of the zeros that fill the rest.
///
/// An entry of zeros is one only in the first slot, if anything follows it or there is no other slot.
pub(super) fn count_entries<E: Entry>(file: &dyn File, slots: usize) -> io::Result<usize> {
    if slots <= 1 || !is_zero::<E>(file, slots - 1)? {
        return Ok(slots);
    }
    let (mut low, mut high) = (1, slots - 1);
    while low < high {
        let middle = low.midpoint(high);
        if is_zero::<E>(file, middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if low == 1 && is_zero::<E>(file, 0)? { Ok(0) } else { Ok(low) }
}

fn is_zero<E: Entry>(file: &dyn File, idx: usize) -> io::Result<bool> {
    let bytes = read_bytes::<E>(file, idx..idx + 1)?;
    Ok(bytes.iter().all(|&byte| byte == 0))
}

/// Searches the first `end` entries of a file: first for the block, then in it.
pub(super) fn search_file<E: Entry>(
    end: usize,
    read: impl Fn(Range<usize>) -> io::Result<Vec<E>>,
    before: impl Fn(&E) -> bool,
) -> io::Result<Found<E>> {
    let (mut low, mut high) = (0, end.div_ceil(per_block::<E>()));
    while low < high {
        let middle = low.midpoint(high);
        let idx = middle * per_block::<E>();
        if read(idx..idx + 1)?.first().is_some_and(&before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let Some(block_idx) = low.checked_sub(1) else { return Ok((0, None)) };
    let start = block_idx * per_block::<E>();
    let entries = read(start..end.min(start + per_block::<E>()))?;
    let count = entries.partition_point(before);
    let last = count.checked_sub(1).and_then(|idx| entries.get(idx)).copied();
    Ok((start + count, last))
}

/// Reads entries, no more than a block of them, and checks that they are in order.
pub(super) fn read_entries<E: Entry>(file: &dyn File, range: Range<usize>) -> io::Result<Vec<E>> {
    let first_idx = range.start;
    let bytes = read_bytes::<E>(file, range)?;
    let mut entries: Vec<E> = Vec::with_capacity(bytes.len() / E::BYTES);
    for (idx, bytes) in bytes.chunks_exact(E::BYTES).enumerate() {
        let entry = E::decode(bytes)
            .filter(|entry| entries.last().is_none_or(|previous| entry.follows(previous)));
        entries.push(entry.ok_or_else(|| {
            FormatError::new(format!("entry {} is damaged or out of order", first_idx + idx))
        })?);
    }
    Ok(entries)
}

fn read_bytes<E: Entry>(file: &dyn File, range: Range<usize>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; range.len() * E::BYTES];
    read_exact_at(file, &mut bytes, (range.start * E::BYTES) as u64)?;
    Ok(bytes)
}

/// The entries at the start of a file's content, up to the first that is damaged or that fills the room behind them.
pub(in crate::index) fn decode_all<E: Entry>(bytes: &[u8]) -> Vec<E> {
    let mut entries: Vec<E> = Vec::new();
    for bytes in bytes.chunks_exact(E::BYTES) {
        match E::decode(bytes) {
            Some(entry) if entries.last().is_none_or(|previous| entry.follows(previous)) => {
                entries.push(entry);
            }
            _ => break,
        }
    }
    entries
}
