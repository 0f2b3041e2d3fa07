//! Which records are wanted: by their keys and their headers.

use std::str::FromStr;

use clap::Args;
use protocol::record::Record;

/// Records that have one of the keys, if any is given, and all of the headers.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only records with this key; may be given several times.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Only records whose key begins with this; may be given several times.
    #[arg(long = "key-prefix", value_name = "TEXT")]
    key_prefixes: Vec<String>,
    /// Only records that have this header, or have it with this value; all that are given must fit.
    #[arg(long = "header", value_name = "NAME[=VALUE]")]
    headers: Vec<HeaderFilter>,
}

/// A header by its name, or by name and value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HeaderFilter {
    name: String,
    value: Option<String>,
}

impl FromStr for HeaderFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        match name {
            "" => Err("a header needs a name, as in NAME or NAME=VALUE".to_owned()),
            name => Ok(Self { name: name.to_owned(), value }),
        }
    }
}

impl HeaderFilter {
    fn fits(&self, record: &Record<'_>) -> bool {
        record.headers.into_iter().any(|(name, value)| {
            let is_value = |wanted: &String| value == Some(wanted.as_bytes());
            name == self.name.as_bytes() && self.value.as_ref().is_none_or(is_value)
        })
    }
}

impl Filter {
    pub(crate) fn fits(&self, record: &Record<'_>) -> bool {
        self.fits_key(record.key) && self.headers.iter().all(|header| header.fits(record))
    }

    fn fits_key(&self, key: Option<&[u8]>) -> bool {
        if self.keys.is_empty() && self.key_prefixes.is_empty() {
            return true;
        }
        let Some(key) = key else { return false };
        self.keys.iter().any(|wanted| key == wanted.as_bytes())
            || self.key_prefixes.iter().any(|prefix| key.starts_with(prefix.as_bytes()))
    }

    /// In one line, to tell one filter from another.
    pub(crate) fn describe(&self) -> String {
        let headers = self.headers.iter().map(|header| match &header.value {
            Some(value) => format!("header {}={value}", header.name),
            None => format!("header {}", header.name),
        });
        let keys = self.keys.iter().map(|key| format!("key {key}"));
        let prefixes = self.key_prefixes.iter().map(|prefix| format!("key-prefix {prefix}"));
        keys.chain(prefixes).chain(headers).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use protocol::Timestamp;
    use protocol::record::{Batch, BatchBuilder, BatchOptions};

    use super::*;

    fn filter(keys: &[&str], prefixes: &[&str], headers: &[&str]) -> Filter {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Filter {
            keys: owned(keys),
            key_prefixes: owned(prefixes),
            headers: headers.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn filter_takes_any_of_the_keys_and_all_of_the_headers() {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        let headers: [(&[u8], Option<&[u8]>); 2] = [(b"type", Some(b"order")), (b"trace", None)];
        builder.append(Timestamp(0), Some(b"user-17"), Some(b"v"), &headers);
        builder.append(Timestamp(0), None, Some(b"v"), &[]);
        let batch = builder.build();
        let records = Batch::first(&batch).unwrap().records(1 << 20).unwrap();
        let records: Vec<_> = records.iter().map(Result::unwrap).collect();
        for (filter, keyed, keyless) in [
            (filter(&[], &[], &[]), true, true),
            (filter(&["user-17"], &[], &[]), true, false),
            (filter(&["user-1"], &[], &[]), false, false),
            (filter(&["x"], &["user-"], &[]), true, false),
            (filter(&[], &[], &["type=order", "trace"]), true, false),
            (filter(&[], &[], &["type=order", "trace=1"]), false, false),
            (filter(&[], &[], &["type=invoice"]), false, false),
            (filter(&["x"], &[], &["type=order"]), false, false),
        ] {
            let fits = (filter.fits(&records[0]), filter.fits(&records[1]));
            assert_eq!(fits, (keyed, keyless), "{}", filter.describe());
        }
        assert!("=x".parse::<HeaderFilter>().is_err());
    }
}
