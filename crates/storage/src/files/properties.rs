//! The text form of `java.util.Properties`.
//!
//! Owned by `meta_properties`. As Kafka loads the file from a byte stream, every byte is one Latin-1 character and
//! everything else is an escape, so any bytes can be read; what is written is plain ASCII.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::FormatError;

const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// Reads all properties; of a key that stands twice the last value counts.
pub(super) fn decode(bytes: &[u8]) -> Result<BTreeMap<String, String>, FormatError> {
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    logical_lines(&text)
        .iter()
        .map(|line| {
            let (key, value) = split(line);
            Ok((unescape(key)?, unescape(value)?))
        })
        .collect()
}

/// Writes properties in the order given, without the comment and the date that Java puts in front.
pub(super) fn encode<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = String::new();
    for (key, value) in properties {
        escape(&mut out, key, true);
        out.push('=');
        escape(&mut out, value, false);
        out.push('\n');
    }
    out.into_bytes()
}

/// The lines that are neither blank nor comments, each joined with those that continue it.
fn logical_lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut natural = text.split('\n').map(|line| line.trim_start_matches(BLANKS));
    let mut logical = Vec::new();
    while let Some(first) = natural.next() {
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut line = first.to_owned();
        while ends_with_escape(&line) {
            line.pop();
            let Some(next) = natural.next() else { break };
            line.push_str(next);
        }
        logical.push(line);
    }
    logical
}

/// Whether the last backslash is not itself escaped.
fn ends_with_escape(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

/// Cuts a line at the first separator that is not escaped: `=`, `:` or blanks, and blanks around it.
fn split(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let key_end = line.find(|c: char| {
        let ends = !is_escaped && (c == '=' || c == ':' || BLANKS.contains(&c));
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let (key, rest) = line.split_at(key_end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(BLANKS))
}

fn unescape(text: &str) -> Result<String, FormatError> {
    // Java's strings are UTF-16: a character beyond 0xffff is two escapes.
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match (c, if c == '\\' { chars.next() } else { Some(c) }) {
            ('\\', Some('u')) => {
                let digits: String = chars.by_ref().take(4).collect();
                let is_hex = digits.len() == 4 && digits.bytes().all(|d| d.is_ascii_hexdigit());
                let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
                units.push(unit.ok_or_else(|| {
                    FormatError::new(format!("`\\u{digits}` is not an escaped character"))
                })?);
                continue;
            }
            ('\\', Some('t')) => '\t',
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('f')) => '\x0c',
            (_, Some(c)) => c,
            (_, None) => break,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    Ok(String::from_utf16_lossy(&units))
}

fn escape(out: &mut String, text: &str, is_key: bool) {
    for (char_idx, c) in text.chars().enumerate() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\x0c' => out.push_str("\\f"),
            '\\' | '=' | ':' | '#' | '!' => out.extend(['\\', c]),
            ' ' if is_key || char_idx == 0 => out.push_str("\\ "),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04X}").expect("a String takes all that is written to it");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decode_reads_what_java_reads() {
        let rows: [(&str, &[(&str, &str)]); 18] = [
            ("a=b", &[("a", "b")]),
            ("a:b", &[("a", "b")]),
            ("a b", &[("a", "b")]),
            ("a", &[("a", "")]),
            ("  a  =  b  ", &[("a", "b  ")]),
            ("a\\ b=c", &[("a b", "c")]),
            ("a=\\u0041\\t\\q", &[("a", "A\tq")]),
            ("a=b\\\n   c", &[("a", "bc")]),
            ("!c\n#d\na=1", &[("a", "1")]),
            ("a==b", &[("a", "=b")]),
            ("a = = b", &[("a", "= b")]),
            ("\\=a=b", &[("=a", "b")]),
            ("a=b\\", &[("a", "b")]),
            ("a\r\nb=1", &[("a", ""), ("b", "1")]),
            ("=x", &[("", "x")]),
            ("a=b\\\\\nc=d", &[("a", "b\\"), ("c", "d")]),
            ("a=x\\\n\n b=c", &[("a", "x"), ("b", "c")]),
            ("#c\\\na=b", &[("a", "b")]),
        ];
        for (text, expected) in rows {
            let expected = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            assert_eq!(decode(text.as_bytes()).unwrap(), expected.collect(), "{text:?}");
        }
    }

    #[test]
    fn decode_bad_escape_is_refused() {
        for text in ["a=\\u00zz", "a=\\u004", "a=\\u+041"] {
            assert!(decode(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn encode_escapes_as_java_does() {
        let odd = " lead\\ing=:#!\ttab\nnl\r\x0c \u{e9} \u{4e2d} end ";
        let text = encode([("a key:=#!", odd), ("empty", "")]);
        let java = "a\\ key\\:\\=\\#\\!=\\ lead\\\\ing\\=\\:\\#\\!\\ttab\\nnl\\r\\f \\u00E9 \\u4E2D \
                    end \nempty=\n";
        assert_eq!(String::from_utf8(text).unwrap(), java);
    }

    proptest! {
        #[test]
        fn properties_survive_a_round_trip(
            properties in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..8)
        ) {
            let bytes = encode(properties.iter().map(|(key, value)| (&**key, &**value)));
            prop_assert_eq!(decode(&bytes).unwrap(), properties);
        }

        #[test]
        fn decode_survives_any_bytes(bytes: Vec<u8>, text in "[a\\\\u0-9 =:\n\r#]{0,60}") {
            let _ = decode(&bytes);
            let _ = decode(text.as_bytes());
        }
    }
}
