//! A file of settings: TOML, whose dotted keys, quoted keys and tables all say the same.

use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A setting in the file.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) line: usize,
}

/// What is wrong in the file, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Kafka has keys of which one begins with the other, which TOML takes for a value and a table of one name.
const QUOTES: &str = "if one key begins with another, as max.connections.per.ip with \
                      max.connections, put the shorter one in quotation marks";

/// All settings of a file, in the order of their keys.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line(text, span.start));
        let message = error.message();
        let is_about_keys = message.contains("key");
        let hint = if is_about_keys { format!("; {QUOTES}") } else { String::new() };
        Problem { line, message: format!("{message}{hint}") }
    })?;
    let mut entries = Vec::new();
    flatten(text, "", table.get_ref(), &mut entries)?;
    let mut lines = HashMap::new();
    for Entry { key, line, .. } in &entries {
        if let Some(first) = lines.insert(key, line) {
            let message = format!("{key} is also set in line {first}");
            return Err(Problem { line: *line, message });
        }
    }
    Ok(entries)
}

/// Adds the settings of `table`, whose keys follow `prefix`.
fn flatten(
    text: &str,
    prefix: &str,
    table: &DeTable<'_>,
    entries: &mut Vec<Entry>,
) -> Result<(), Problem> {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        if let DeValue::Table(table) = value.get_ref() {
            flatten(text, &format!("{key}."), table, entries)?;
            continue;
        }
        let line = line(text, name.span().start);
        match value_text(value) {
            Some(text) => entries.push(Entry { key, text, line }),
            None => {
                let message = format!(
                    "{key} takes a text, a number, true, false or a list of texts without commas"
                );
                return Err(Problem { line, message });
            }
        }
    }
    Ok(())
}

/// A value as it would stand in a properties file.
fn value_text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(scalar_text).collect();
            let items = items.filter(|items| !items.iter().any(|item| item.contains(',')))?;
            Some(items.join(","))
        }
        _ => scalar_text(value),
    }
}

fn scalar_text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The line of the byte `at`, counted from 1.
fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_in_any_form_is_the_same() {
        for text in [
            "log.retention.hours = 168",
            "\"log.retention.hours\" = 0xa8",
            "log.retention.hours = \"168\"",
            "[log]\nretention.hours = 168",
            "[log.retention]\nhours = 1_68",
            "log = { retention = { hours = 168 } }",
        ] {
            let entries = parse(text).unwrap();
            let line = text.lines().count();
            let (key, text) = ("log.retention.hours".to_owned(), "168".to_owned());
            assert_eq!(entries, [Entry { key, text, line }]);
        }
    }

    #[test]
    fn value_of_any_type_is_a_text() {
        for (toml, expected) in [
            ("true", Some("true")),
            ("-1", Some("-1")),
            ("0.5", Some("0.5")),
            ("'/a,/b'", Some("/a,/b")),
            ("['/a', '/b']", Some("/a,/b")),
            ("[]", Some("")),
            ("[1, 2]", Some("1,2")),
            ("['/a,/b']", None),
            ("[['/a']]", None),
            ("2025-01-01", None),
            ("99999999999999999999", None),
        ] {
            let found = parse(&format!("k = {toml}")).map(|mut entries| entries.remove(0).text);
            assert_eq!(found.ok().as_deref(), expected, "{toml}");
        }
    }

    #[test]
    fn file_with_a_problem_says_the_line() {
        for (text, line, part) in [
            ("a = 1\nb = \n", 2, ""),
            ("a = 1\na.b = 2", 2, "put the shorter one in quotation marks"),
            ("a.b = 1\n\n\"a.b\" = 2", 3, "a.b is also set in line 1"),
            ("a = 1\n[[b]]\nc = 1", 2, "b takes a text"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.line, line, "{text}: {problem:?}");
            assert!(problem.message.contains(part), "{text}: {problem:?}");
        }
        parse("\"a\" = 1\n\"a.b\" = 2").unwrap();
    }
}
