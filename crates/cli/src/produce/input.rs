//! The lines to produce, read by a thread of its own: standard input cannot be waited for otherwise.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::thread;

use tokio::sync::mpsc;

use crate::Error;
use crate::record_json::{self, NewRecord};

/// A longer line is no record but a mistake. No broker takes larger batches by default.
const LINE_BYTES_MAX: usize = 256 << 20;
/// So many bytes are read at a time; the lines in them go on together.
const READ_BYTES: usize = 256 << 10;
/// So many rows of lines may wait.
const ROWS_MAX: usize = 8;

/// Where the lines come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: Option<PathBuf>,
    pub(super) whole: bool,
}

type Lines = Vec<Vec<u8>>;

/// Lines as they come.
#[derive(Debug)]
pub(super) struct Input {
    rows: mpsc::Receiver<io::Result<Lines>>,
    what: String,
}

impl Source {
    /// Begins to read.
    pub(super) fn open(self) -> Result<Input, Error> {
        let (what, reader): (_, Box<dyn Read + Send>) = match &self.file {
            None => ("standard input".to_owned(), Box::new(io::stdin())),
            Some(path) => {
                let what = path.display().to_string();
                let file = File::open(path).map_err(Error::io(what.clone()))?;
                (what, Box::new(file))
            }
        };
        let (sender, rows) = mpsc::channel(ROWS_MAX);
        let reader = BufReader::with_capacity(READ_BYTES, reader);
        thread::spawn(move || {
            let result =
                if self.whole { read_whole(reader, &sender) } else { read_lines(reader, &sender) };
            if let Err(err) = result {
                // Whoever does not listen any longer has failed already.
                let _heard = sender.blocking_send(Err(err));
            }
        });
        Ok(Input { rows, what })
    }
}

impl Input {
    /// The next lines; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Lines>, Error> {
        let row = self.rows.recv().await.transpose();
        row.map_err(Error::io(self.what.clone()))
    }

    /// True if nothing more has come yet.
    pub(super) fn pauses(&self) -> bool {
        self.rows.is_empty()
    }
}

fn read_whole(reader: impl BufRead, sender: &mpsc::Sender<io::Result<Lines>>) -> io::Result<()> {
    let mut bytes = Vec::new();
    reader.take(LINE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    check_length(&bytes)?;
    let _heard = sender.blocking_send(Ok(vec![bytes]));
    Ok(())
}

fn read_lines(
    mut reader: BufReader<impl Read>,
    sender: &mpsc::Sender<io::Result<Lines>>,
) -> io::Result<()> {
    loop {
        let mut lines = Lines::new();
        // What has been read already goes on together; the rest of it may be long in coming.
        while lines.is_empty() || reader.buffer().contains(&b'\n') {
            let mut line = Vec::new();
            let mut limited = (&mut reader).take(LINE_BYTES_MAX as u64 + 1);
            if limited.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            check_length(&line)?;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            lines.push(line);
        }
        if lines.is_empty() || sender.blocking_send(Ok(lines)).is_err() {
            return Ok(());
        }
    }
}

fn check_length(line: &[u8]) -> io::Result<()> {
    if line.len() <= LINE_BYTES_MAX {
        return Ok(());
    }
    Err(io::Error::other(format!("a record is longer than {} MB", LINE_BYTES_MAX >> 20)))
}

/// What a line means.
#[derive(Debug, Default)]
pub(super) struct Parser {
    pub(super) is_json: bool,
    /// For records that have none of their own.
    pub(super) key: Option<Vec<u8>>,
    pub(super) separator: Option<Vec<u8>>,
    pub(super) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Whether an empty value is none.
    pub(super) tombstones: bool,
}

impl Parser {
    pub(super) fn parse(&self, line: &[u8]) -> Result<NewRecord, String> {
        let mut record = if self.is_json { record_json::parse(line)? } else { self.split(line)? };
        if record.key.is_none() {
            record.key.clone_from(&self.key);
        }
        record.headers.extend(self.headers.iter().cloned());
        if self.tombstones && record.value.as_ref().is_some_and(Vec::is_empty) {
            record.value = None;
        }
        Ok(record)
    }

    fn split(&self, line: &[u8]) -> Result<NewRecord, String> {
        let Some(separator) = self.separator.as_ref().filter(|text| !text.is_empty()) else {
            return Ok(NewRecord { value: Some(line.to_vec()), ..NewRecord::default() });
        };
        let at = line.windows(separator.len()).position(|window| window == separator);
        let at = at.ok_or_else(|| format!("it has no '{}'", separator.escape_ascii()))?;
        let (key, rest) = line.split_at(at);
        let value = rest.get(separator.len()..).unwrap_or_default();
        let (key, value) = (Some(key.to_vec()), Some(value.to_vec()));
        Ok(NewRecord { key, value, ..NewRecord::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parser: &Parser, line: &str) -> Result<(Option<String>, Option<String>), String> {
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        let record = parser.parse(line.as_bytes())?;
        Ok((text(record.key), text(record.value)))
    }

    fn some(
        key: Option<&str>,
        value: Option<&str>,
    ) -> Result<(Option<String>, Option<String>), String> {
        Ok((key.map(str::to_owned), value.map(str::to_owned)))
    }

    #[test]
    fn line_is_a_value_or_a_key_and_a_value() {
        let plain = Parser::default();
        assert_eq!(parse(&plain, "a:b"), some(None, Some("a:b")));
        assert_eq!(parse(&plain, ""), some(None, Some("")));
        let keyed = Parser { separator: Some(b"::".to_vec()), ..Parser::default() };
        assert_eq!(parse(&keyed, "a::b::c"), some(Some("a"), Some("b::c")));
        assert_eq!(parse(&keyed, "::b"), some(Some(""), Some("b")));
        assert!(parse(&keyed, "a:b").unwrap_err().contains("'::'"));
        let tombstones = Parser { tombstones: true, ..keyed };
        assert_eq!(parse(&tombstones, "a::"), some(Some("a"), None));
        assert_eq!(parse(&tombstones, "a::b"), some(Some("a"), Some("b")));
    }

    #[test]
    fn key_and_headers_of_the_command_line_are_added() {
        let headers = vec![(b"h".to_vec(), Some(b"1".to_vec()))];
        let parser =
            Parser { is_json: true, key: Some(b"k".to_vec()), headers, ..Parser::default() };
        let record = parser.parse(br#"{"value":"v","headers":[{"name":"own"}]}"#).unwrap();
        assert_eq!(record.key, Some(b"k".to_vec()));
        let names: Vec<_> = record.headers.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, [&b"own"[..], b"h"]);
        assert_eq!(parser.parse(br#"{"key":"own"}"#).unwrap().key, Some(b"own".to_vec()));
    }
}
