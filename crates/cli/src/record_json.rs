//! A record as a line of JSON: what `consume -f json` and `replay` print, and `produce --input json` reads.
//!
//! `key` and `value` are text, or null where there is none. Bytes that are not UTF-8 are in `key_base64` and
//! `value_base64` instead, so that a record comes back as it was.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::record::Record;
use protocol::{Timestamp, TopicPartition};
use serde::{Deserialize, Serialize};

/// The line of a record.
#[derive(Debug, Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    #[serde(flatten)]
    key: Key<'a>,
    #[serde(flatten)]
    value: Value<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header<'a>>,
}

#[derive(Debug, Serialize)]
enum Key<'a> {
    #[serde(rename = "key")]
    Text(Option<&'a str>),
    #[serde(rename = "key_base64")]
    Base64(String),
}

#[derive(Debug, Serialize)]
enum Value<'a> {
    #[serde(rename = "value")]
    Text(Option<&'a str>),
    #[serde(rename = "value_base64")]
    Base64(String),
}

#[derive(Debug, Serialize)]
struct Header<'a> {
    name: String,
    #[serde(flatten)]
    value: Value<'a>,
}

impl<'a> Value<'a> {
    fn of(bytes: Option<&'a [u8]>) -> Self {
        match bytes.map(|bytes| str::from_utf8(bytes).map_err(|_| bytes)) {
            None => Self::Text(None),
            Some(Ok(text)) => Self::Text(Some(text)),
            Some(Err(bytes)) => Self::Base64(STANDARD.encode(bytes)),
        }
    }
}

/// Prints the line of a record.
pub(crate) fn print(
    partition: &TopicPartition,
    record: &Record<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let key = match Value::of(record.key) {
        Value::Text(text) => Key::Text(text),
        Value::Base64(text) => Key::Base64(text),
    };
    let headers = record.headers.into_iter().map(|(name, value)| Header {
        name: String::from_utf8_lossy(name).into_owned(),
        value: Value::of(value),
    });
    let line = Line {
        topic: &partition.topic,
        partition: partition.partition.0,
        offset: record.offset.0,
        timestamp: record.timestamp.0,
        key,
        value: Value::of(record.value),
        headers: headers.collect(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// A record to produce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NewRecord {
    /// When it was; now if it does not say.
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What is read of a line. Where the record was before does not matter to where it goes.
#[derive(Debug, Deserialize)]
struct ReadLine {
    timestamp: Option<i64>,
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
    #[serde(default)]
    headers: Vec<ReadHeader>,
}

#[derive(Debug, Deserialize)]
struct ReadHeader {
    name: String,
    value: Option<String>,
    value_base64: Option<String>,
}

/// Reads a line.
pub(crate) fn parse(line: &[u8]) -> Result<NewRecord, String> {
    let read: ReadLine = serde_json::from_slice(line).map_err(|err| err.to_string())?;
    let headers = read.headers.into_iter().map(|header| {
        let value = bytes(header.value, header.value_base64)?;
        Ok((header.name.into_bytes(), value))
    });
    Ok(NewRecord {
        timestamp: read.timestamp.map(Timestamp).filter(|timestamp| !timestamp.is_none()),
        key: bytes(read.key, read.key_base64)?,
        value: bytes(read.value, read.value_base64)?,
        headers: headers.collect::<Result<_, String>>()?,
    })
}

fn bytes(text: Option<String>, base64: Option<String>) -> Result<Option<Vec<u8>>, String> {
    match base64 {
        None => Ok(text.map(String::into_bytes)),
        Some(base64) => STANDARD.decode(base64).map(Some).map_err(|err| format!("base64: {err}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::PartitionId;
    use protocol::record::{Batch, BatchBuilder, BatchOptions};

    use super::*;

    type Bytes = Option<Vec<u8>>;

    fn line(timestamp: i64, key: &Bytes, value: &Bytes, headers: &[(String, Bytes)]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect();
        builder.append(Timestamp(timestamp), key.as_deref(), value.as_deref(), &headers);
        let batch = builder.build();
        let records = Batch::first(&batch).unwrap().records(1 << 20).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        let mut out = Vec::new();
        print(&TopicPartition::new("t", PartitionId(0)), &record, &mut out).unwrap();
        out
    }

    #[test]
    fn line_is_made_for_eyes_and_for_programs() {
        let text = line(5, &Some(b"k".to_vec()), &None, &[("h".to_owned(), Some(vec![0xff]))]);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp\":5,\"key\":\"k\",\"value\":null,\
             \"headers\":[{\"name\":\"h\",\"value_base64\":\"/w==\"}]}\n"
        );
    }

    #[test]
    fn line_that_is_no_record_is_refused() {
        for text in ["", "[]", "{\"key\":1}", "{\"value_base64\":\"*\"}", "{\"headers\":[{}]}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(parse(b"{}"), Ok(NewRecord::default()));
    }

    fn bytes() -> impl Strategy<Value = Bytes> {
        prop::option::of(prop::collection::vec(any::<u8>(), 0..8))
    }

    proptest! {
        #[test]
        fn record_comes_back_as_it_was(
            timestamp in 0..i64::MAX,
            key in bytes(),
            value in bytes(),
            headers in prop::collection::vec(("[a-z]{1,3}", bytes()), 0..3),
        ) {
            let read = parse(&line(timestamp, &key, &value, &headers)).unwrap();
            let headers: Vec<_> =
                headers.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
            let timestamp = Some(Timestamp(timestamp));
            prop_assert_eq!(read, NewRecord { timestamp, key, value, headers });
        }
    }
}
