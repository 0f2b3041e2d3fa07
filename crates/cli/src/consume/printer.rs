//! Records on their way to standard output: filtered, counted and formatted.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::ControlFlow;

use client::Fetched;
use protocol::Offset;

use crate::Error;
use crate::filter::Filter;
use crate::record_format::RecordFormat;

/// Prints to standard output.
pub(super) struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    format: RecordFormat,
    filter: Filter,
    /// How many records are still wanted.
    left: u64,
}

impl Printer {
    pub(super) fn new(format: RecordFormat, filter: Filter, count: Option<u64>) -> Self {
        let out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        Self { out, format, filter, left: count.unwrap_or(u64::MAX) }
    }

    /// True once as many records as were wanted have been printed.
    pub(super) const fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Prints the records before `end`, while there are to be more. Returns the offset to go on at.
    pub(super) fn print(&mut self, fetched: &Fetched, end: Offset) -> Result<Offset, Error> {
        let mut next = None;
        let mut printed = Ok(());
        fetched.for_each(|record| {
            if self.left == 0 || record.offset >= end {
                next.get_or_insert(record.offset);
                return ControlFlow::Break(());
            }
            if self.filter.fits(record) {
                self.left -= 1;
                printed = self.format.print(&fetched.partition, record, &mut self.out);
            }
            if printed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        printed.map_err(Error::Output)?;
        Ok(next.unwrap_or_else(|| fetched.next_offset()))
    }

    /// Shows what was printed: whoever reads it may be waiting.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::Output)
    }
}
