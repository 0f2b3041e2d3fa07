//! One line of a script.

use std::fmt::Debug;
use std::str::FromStr;

/// `label: name word … key=value …`.
#[derive(Debug)]
pub(super) struct Command<'a> {
    /// The name, where the line has no label.
    pub(super) label: &'a str,
    pub(super) name: &'a str,
    words: Vec<&'a str>,
    values: Vec<(&'a str, &'a str)>,
}

impl<'a> Command<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let (label, rest) = match line.split_once(": ") {
            Some((label, rest)) => (Some(label), rest),
            None => (None, line),
        };
        let mut parts = rest.split_whitespace();
        let name = parts.next().unwrap_or_else(|| panic!("{line} has no command"));
        let (mut words, mut values) = (Vec::new(), Vec::new());
        for part in parts {
            match part.split_once('=') {
                Some(value) => values.push(value),
                None => words.push(part),
            }
        }
        Self { label: label.unwrap_or(name), name, words, values }
    }

    /// The words that have no key.
    pub(super) fn words(&self) -> &[&'a str] {
        &self.words
    }

    pub(super) fn word(&self, idx: usize) -> &'a str {
        self.words.get(idx).unwrap_or_else(|| panic!("{self:?} lacks a word"))
    }

    pub(super) fn number<T: FromStr<Err: Debug>>(&self, idx: usize) -> T {
        self.word(idx).parse().unwrap_or_else(|error| panic!("{self:?}: {error:?}"))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.values.iter().find(|(known, _)| *known == key).map(|&(_, value)| value)
    }

    pub(super) fn get_number<T: FromStr<Err: Debug>>(&self, key: &str, default: T) -> T {
        self.get(key).map_or(default, |value| value.parse().unwrap())
    }

    /// The parts of a list with commas between them.
    pub(super) fn list(&self, key: &str) -> Vec<&'a str> {
        let value = self.get(key).unwrap_or_default();
        value.split(',').filter(|part| !part.is_empty()).collect()
    }

    /// The version of the request.
    pub(super) fn version(&self, newest: i16) -> i16 {
        self.get_number("v", newest)
    }
}
