//! The format strings of `-f`: the verbs of kcat and rpk, so that fingers need not learn.
//!
//! | verb | prints | verb | prints |
//! |---|---|---|---|
//! | `%k` | key | `%K` | length of the key, -1 for none |
//! | `%v` `%s` | value | `%V` `%S` | length of the value, -1 for a tombstone |
//! | `%t` | topic | `%p` | partition |
//! | `%o` | offset | `%T` | timestamp in milliseconds |
//! | `%d` | timestamp as a date in UTC | `%h` | headers, `name=value,…` |
//! | `%H` | number of headers | `%%` | `%` |
//!
//! `%k` and `%v` may be followed by `{hex}` or `{base64}`. `\n \t \r \0 \\ \xHH` are what they are in C.

use std::io::{self, Write};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::TopicPartition;
use protocol::record::Record;

use crate::moment::show_moment;
use crate::record_json;

/// How to print records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordFormat {
    /// One JSON object a line.
    Json,
    /// What a format string asks for.
    Pieces(Vec<Piece>),
}

/// A part of a format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    Key(Encoding),
    KeyLength,
    Value(Encoding),
    ValueLength,
    Topic,
    Partition,
    Offset,
    Timestamp,
    Date,
    Headers,
    HeaderCount,
}

/// How bytes are printed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Raw,
    Hex,
    Base64,
}

impl FromStr for RecordFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "json" {
            return Ok(Self::Json);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            match next {
                '%' => push_verb(&mut rest, &mut pieces)?,
                '\\' => push_text(&mut pieces, &[escaped(&mut rest)?]),
                other => push_text(&mut pieces, other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Ok(Self::Pieces(pieces))
    }
}

fn push_text(pieces: &mut Vec<Piece>, bytes: &[u8]) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.extend_from_slice(bytes),
        _ => pieces.push(Piece::Text(bytes.to_vec())),
    }
}

/// Takes the verb after a `%` off the front of `rest`.
fn push_verb(rest: &mut &str, pieces: &mut Vec<Piece>) -> Result<(), String> {
    let Some(verb) = rest.chars().next() else {
        return Err("the format ends with %; %% prints one".to_owned());
    };
    *rest = rest.get(verb.len_utf8()..).unwrap_or_default();
    pieces.push(match verb {
        'k' => Piece::Key(encoding(rest)?),
        'K' => Piece::KeyLength,
        'v' | 's' => Piece::Value(encoding(rest)?),
        'V' | 'S' => Piece::ValueLength,
        't' => Piece::Topic,
        'p' => Piece::Partition,
        'o' => Piece::Offset,
        'T' => Piece::Timestamp,
        'd' => Piece::Date,
        'h' => Piece::Headers,
        'H' => Piece::HeaderCount,
        '%' => {
            push_text(pieces, b"%");
            return Ok(());
        }
        other => {
            return Err(format!(
                "%{other} is no verb; there are %k %v %t %p %o %T %d %h, the lengths %K %V, the count %H, and %%"
            ));
        }
    });
    Ok(())
}

/// Takes `{hex}` or `{base64}` off the front of `rest`.
fn encoding(rest: &mut &str) -> Result<Encoding, String> {
    let Some(inner) = rest.strip_prefix('{') else { return Ok(Encoding::Raw) };
    let (name, after) = inner.split_once('}').ok_or("a { of the format has no }")?;
    *rest = after;
    match name {
        "hex" => Ok(Encoding::Hex),
        "base64" => Ok(Encoding::Base64),
        other => Err(format!("{{{other}}} is no encoding; there are {{hex}} and {{base64}}")),
    }
}

/// Takes what follows a backslash off the front of `rest`.
fn escaped(rest: &mut &str) -> Result<u8, String> {
    let Some(letter) = rest.chars().next() else {
        return Err("the format ends with \\; \\\\ prints one".to_owned());
    };
    *rest = rest.get(letter.len_utf8()..).unwrap_or_default();
    Ok(match letter {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        '0' => 0,
        '\\' => b'\\',
        'x' => {
            let byte = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            *rest = rest.get(2..).unwrap_or_default();
            byte.ok_or("\\x needs two hexadecimal digits")?
        }
        other => {
            return Err(format!("\\{other} is no escape; there are \\n \\t \\r \\0 \\\\ \\xHH"));
        }
    })
}

impl RecordFormat {
    /// Prints a record.
    pub(crate) fn print(
        &self,
        partition: &TopicPartition,
        record: &Record<'_>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            Self::Json => record_json::print(partition, record, out),
            Self::Pieces(pieces) => {
                pieces.iter().try_for_each(|piece| piece.print(partition, record, out))
            }
        }
    }
}

impl Piece {
    fn print(
        &self,
        partition: &TopicPartition,
        record: &Record<'_>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            Self::Text(text) => out.write_all(text),
            Self::Key(encoding) => encoding.print(record.key.unwrap_or_default(), out),
            Self::KeyLength => print_length(record.key, out),
            Self::Value(encoding) => encoding.print(record.value.unwrap_or_default(), out),
            Self::ValueLength => print_length(record.value, out),
            Self::Topic => out.write_all(partition.topic.as_bytes()),
            Self::Partition => write!(out, "{}", partition.partition),
            Self::Offset => write!(out, "{}", record.offset),
            Self::Timestamp => write!(out, "{}", record.timestamp),
            Self::Date => out.write_all(show_moment(record.timestamp).as_bytes()),
            Self::HeaderCount => write!(out, "{}", record.headers.len()),
            Self::Headers => {
                for (place, (name, value)) in record.headers.into_iter().enumerate() {
                    if place > 0 {
                        out.write_all(b",")?;
                    }
                    out.write_all(name)?;
                    out.write_all(b"=")?;
                    out.write_all(value.unwrap_or_default())?;
                }
                Ok(())
            }
        }
    }
}

fn print_length(bytes: Option<&[u8]>, out: &mut impl Write) -> io::Result<()> {
    match bytes {
        Some(bytes) => write!(out, "{}", bytes.len()),
        None => out.write_all(b"-1"),
    }
}

impl Encoding {
    fn print(self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Raw => out.write_all(bytes),
            Self::Hex => bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}")),
            Self::Base64 => out.write_all(STANDARD.encode(bytes).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::record::{Batch, BatchBuilder, BatchOptions};
    use protocol::{Offset, PartitionId, Timestamp};

    use super::*;

    fn print(format: &str, key: Option<&[u8]>, value: Option<&[u8]>) -> String {
        let options = BatchOptions { base_offset: Offset(42), ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        let headers: [(&[u8], Option<&[u8]>); 2] = [(b"a", Some(b"1")), (b"b", None)];
        builder.append(Timestamp(1_700_000_000_123), key, value, &headers);
        let batch = builder.build();
        let records = Batch::first(&batch).unwrap().records(1 << 20).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        let mut out = Vec::new();
        let partition = TopicPartition::new("orders", PartitionId(3));
        format.parse::<RecordFormat>().unwrap().print(&partition, &record, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn verbs_print_what_they_say() {
        for (format, expected) in [
            (r"%k %v %o\n", "key value 42\n"),
            ("%t/%p", "orders/3"),
            ("%K %V %S %H", "3 5 5 2"),
            ("%T %d", "1700000000123 2023-11-14T22:13:20.123Z"),
            ("%h", "a=1,b="),
            ("100%%", "100%"),
            ("%k{hex} %v{base64}", "6b6579 dmFsdWU="),
            (r"%k\t%s\x41\\ö", "key\tvalueA\\ö"),
            ("", ""),
        ] {
            assert_eq!(print(format, Some(b"key"), Some(b"value")), expected, "{format}");
        }
        assert_eq!(print("[%k] [%v] %K %V", None, None), "[] [] -1 -1");
        assert_eq!(print("%K %V", Some(b""), Some(b"")), "0 0");
    }

    #[test]
    fn format_that_means_nothing_is_refused_with_what_there_is() {
        for (format, expected) in [
            ("%", "ends with %"),
            ("%q", "%q is no verb"),
            ("%k{rot13}", "{rot13}"),
            ("%k{hex", "no }"),
            ("\\", "ends with \\"),
            (r"\q", r"\q is no escape"),
            (r"\x4", "two hexadecimal digits"),
        ] {
            let err = format.parse::<RecordFormat>().unwrap_err();
            assert!(err.contains(expected), "{format}: {err}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_format_or_refused(text in "\\PC{0,12}") {
            let _any = text.parse::<RecordFormat>();
        }
    }
}
