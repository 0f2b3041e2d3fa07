//! The layouts of all requests and responses, and the walk over a body by its layout before it is decoded.
//!
//! `kafka-protocol` makes room for as many elements as an array's length says, up to 2^32, before it has seen one: a
//! request of 12 bytes asks for 412 GB, and the process aborts. The walk follows the layout, allocates nothing, and
//! fails where a length counts more than there is; what it passes, the crate can decode with memory for elements that
//! are really there. It also refuses what the crate leaves open: bytes behind the end, damaged numbers, strings that
//! are too long.
//!
//! The layouts are Kafka's own message JSON, condensed to two text files by `from_kafka.py`, which tells their syntax.

mod parse;
mod walk;

use std::sync::LazyLock;

use crate::api::{ApiKey, Versions};

pub(super) use walk::{Malformed, walk};

/// The fields of a message, or of a struct in it, in wire order.
type Fields = Vec<Field>;

/// One field of a layout.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    /// The versions that have it.
    versions: Versions,
    /// Those in which it may be null.
    nullable: Versions,
    /// The tag of a tagged field.
    tag: Option<u32>,
}

/// What a field holds.
#[derive(Debug)]
enum Kind {
    /// A number, a truth value or a UUID: so many bytes.
    Fixed(usize),
    String,
    /// Bytes, or the records of a partition, which are coded alike.
    Bytes,
    Struct(Fields),
    Array(Box<Self>),
}

/// The layout of an API's requests, if there are any.
pub(super) fn request(api: ApiKey) -> Option<&'static [Field]> {
    static REQUESTS: LazyLock<Vec<(ApiKey, Fields)>> =
        LazyLock::new(|| parse::parse(include_str!("requests.txt")));
    find(&REQUESTS, api)
}

/// The layout of an API's responses, if there are any.
pub(super) fn response(api: ApiKey) -> Option<&'static [Field]> {
    static RESPONSES: LazyLock<Vec<(ApiKey, Fields)>> =
        LazyLock::new(|| parse::parse(include_str!("responses.txt")));
    find(&RESPONSES, api)
}

fn find(layouts: &'static [(ApiKey, Fields)], api: ApiKey) -> Option<&'static [Field]> {
    let place = layouts.binary_search_by_key(&api, |(key, _)| *key).ok()?;
    layouts.get(place).map(|(_, fields)| fields.as_slice())
}

#[cfg(test)]
pub(super) mod random;
#[cfg(test)]
mod tests;
