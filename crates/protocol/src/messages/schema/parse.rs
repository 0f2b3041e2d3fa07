//! Reads the text of the layouts. It is part of the program, so what is wrong in it is a mistake of ours and panics;
//! a test reads all of it.

use std::iter::Peekable;
use std::str::SplitWhitespace;

use super::{Field, Fields, Kind};
use crate::api::{ApiKey, Versions};

const ALL: Versions = Versions { min: 0, max: i16::MAX };
const NONE: Versions = Versions { min: 0, max: -1 };

/// The layouts of a text, in the order of the keys. A word with a colon is a field; one without names an API.
pub(super) fn parse(text: &'static str) -> Vec<(ApiKey, Fields)> {
    let mut words = text.split_whitespace().peekable();
    let mut layouts = Vec::new();
    while let Some(name) = words.next() {
        let api = ApiKey::ALL.iter().find(|api| api.name() == name);
        let api = *api.unwrap_or_else(|| panic!("no API is called {name}"));
        layouts.push((api, fields(&mut words)));
    }
    layouts
}

/// The fields up to the end of the struct or the message.
fn fields(words: &mut Peekable<SplitWhitespace<'static>>) -> Fields {
    let mut fields = Vec::new();
    while let Some((name, kind)) = words.peek().and_then(|word| word.split_once(':')) {
        words.next();
        fields.push(field(name, kind, words));
    }
    fields
}

/// The field of this name; `kind` is the rest of its word.
fn field(
    name: &'static str,
    kind: &'static str,
    words: &mut Peekable<SplitWhitespace<'static>>,
) -> Field {
    let (kind, suffix) = match kind {
        "[" => {
            let element = Kind::Struct(fields(words));
            (Kind::Array(Box::new(element)), closing(words, ']'))
        }
        "(" => (Kind::Struct(fields(words)), closing(words, ')')),
        _ => {
            let (kind, suffix) = kind.split_at(kind.find(['?', '@', '#']).unwrap_or(kind.len()));
            match kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
                Some(element) => (Kind::Array(Box::new(primitive(element))), suffix),
                None => (primitive(kind), suffix),
            }
        }
    };
    let (suffix, tag) = match suffix.split_once('#') {
        Some((suffix, tag)) => (suffix, Some(tag.parse().expect("a tag is a number"))),
        None => (suffix, None),
    };
    let (nullable, present) = suffix.split_once('@').unwrap_or((suffix, "-"));
    let nullable = match nullable.strip_prefix('?') {
        Some(range) => versions(range),
        None => NONE,
    };
    Field { name, kind, versions: versions(present), nullable, tag }
}

/// What stands behind the bracket that closes a struct.
fn closing(words: &mut Peekable<SplitWhitespace<'static>>, bracket: char) -> &'static str {
    let word = words.next().and_then(|word| word.strip_prefix(bracket));
    word.unwrap_or_else(|| panic!("a struct does not end with {bracket}"))
}

fn primitive(name: &str) -> Kind {
    match name {
        "bool" | "i8" => Kind::Fixed(1),
        "i16" | "u16" => Kind::Fixed(2),
        "i32" => Kind::Fixed(4),
        "i64" | "f64" => Kind::Fixed(8),
        "uuid" => Kind::Fixed(16),
        "str" => Kind::String,
        "bytes" | "records" => Kind::Bytes,
        _ => panic!("no type is called {name}"),
    }
}

/// A range such as `3-`, `-5` or `3-5`; an end that is left out is open.
fn versions(range: &str) -> Versions {
    let (min, max) = range.split_once('-').unwrap_or_default();
    let bound = |text: &str, open| match text {
        "" => open,
        number => number.parse().expect("a version is a number"),
    };
    Versions { min: bound(min, ALL.min), max: bound(max, ALL.max) }
}
