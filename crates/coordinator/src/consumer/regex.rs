//! Subscriptions by regular expression: Kafka has RE2's dialect, and so has the crate `regex` all but for details. Both
//! take time that is linear in the topic's name, whatever the expression; how large a compiled one may be is bounded.
//!
//! An expression is looked up at once when it is new, at the next heartbeat when there are new topics, and again every
//! `group.consumer.regex.refresh.interval.ms`. Kafka waits ten seconds from one to the next.

use std::collections::BTreeSet;
use std::fmt;

use protocol::ErrorCode;
use regex::bytes::{Regex, RegexBuilder};

use super::draft::Draft;
use super::group::Resolved;
use super::records;
use super::refusal::Refusal;
use crate::turn::Turn;

/// A compiled expression, and the cache of its matcher, may each take this many bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// The new topics of this many milliseconds are looked at together.
const REFRESH_PAUSE_MS: i64 = 1_000;

/// Compiles an expression that is to match a whole name.
fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let build = |pattern: &str, unicode: bool| {
        RegexBuilder::new(pattern)
            .unicode(unicode)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build()
    };
    let pattern = unquoted(pattern);
    // By itself, because `a)(b` would be whole only between the parentheses.
    build(&pattern, false).or_else(|_| build(&pattern, true))?;
    let whole = format!("^(?:{pattern})$");
    // Names of topics are ASCII, and classes are small without the rest of Unicode; but RE2 knows `\p` as well.
    build(&whole, false).or_else(|_| build(&whole, true))
}

/// The expression with what stands between `\Q` and `\E` escaped: RE2 takes that literally, and `regex` does not know it.
fn unquoted(pattern: &str) -> String {
    let mut unquoted = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = quote_start(rest) {
        let (before, quoted) = rest.split_at(at);
        let quoted = quoted.get(2..).unwrap_or_default();
        let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        unquoted.push_str(before);
        unquoted.push_str(&regex::escape(literal));
        rest = after;
    }
    unquoted + rest
}

/// Where a `\Q` begins whose backslash is not escaped itself.
fn quote_start(pattern: &str) -> Option<usize> {
    let mut chars = pattern.char_indices();
    while let Some((at, char)) = chars.next() {
        if char == '\\' && chars.next().is_some_and(|(_, next)| next == 'Q') {
            return Some(at);
        }
    }
    None
}

fn invalid(pattern: &str, error: &dyn fmt::Display) -> Refusal {
    let message = format!("`{pattern}` is not a regular expression that can be used: {error}");
    Refusal::new(ErrorCode::InvalidRegularExpression, message)
}

impl Draft<'_> {
    /// A member subscribes by another expression than before. The new one must be one that can be used.
    pub(super) fn change_regex(
        &mut self,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), Refusal> {
        if let Some(before) = before
            && !self.regex_members.contains_key(before)
            && self.resolved.contains_key(before)
        {
            let record = records::unresolved(&self.id, before);
            self.push(record);
        }
        match after {
            Some(after) if !self.resolved.contains_key(after) => {
                compile(after).map(drop).map_err(|error| invalid(after, &error))
            }
            _ => Ok(()),
        }
    }

    /// Looks the expressions up that are new or old; true if any stands for other topics now.
    pub(super) fn refresh_regexes(&mut self, turn: &Turn<'_>) -> bool {
        let is_due = self.is_refresh_due(turn);
        let patterns = self.regex_members.keys();
        let patterns: Vec<_> = patterns
            .filter(|pattern| is_due || !self.resolved.contains_key(*pattern))
            .cloned()
            .collect();
        let mut has_changed = false;
        for (pattern, resolved) in resolve(&patterns, turn) {
            let before = self.resolved.get(pattern).map(|before| &before.topics);
            has_changed |= before.is_none_or(|before| *before != resolved.topics);
            let record = records::resolved(&self.id, pattern, &resolved);
            self.push(record);
        }
        has_changed
    }

    fn is_refresh_due(&self, turn: &Turn<'_>) -> bool {
        let resolved = || self.resolved.values();
        let Some(oldest) = resolved().map(|resolved| resolved.timestamp).min() else {
            return false;
        };
        let age_ms = turn.now.timestamp.0.saturating_sub(oldest.0);
        let interval_ms = turn.settings.consumer.regex_refresh_interval_ms;
        let has_new_topics = resolved().any(|resolved| resolved.version < turn.new_topics_at.0);
        // A clock that was set back does not stop it.
        (has_new_topics && !(0..REFRESH_PAUSE_MS).contains(&age_ms))
            || u64::try_from(age_ms).is_ok_and(|age_ms| age_ms > interval_ms)
    }
}

/// The topics that each expression stands for.
fn resolve<'a>(patterns: &'a [String], turn: &Turn<'_>) -> Vec<(&'a str, Resolved)> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let (version, timestamp) = (turn.cluster.version().0, turn.now.timestamp);
    let compiled = patterns.iter().map(|pattern| (pattern, compile(pattern).ok()));
    let compiled: Vec<_> = compiled.collect();
    let mut topics = vec![BTreeSet::new(); patterns.len()];
    for name in turn.cluster.topic_names() {
        for ((_, regex), topics) in compiled.iter().zip(&mut topics) {
            // One that was accepted by another version, and cannot be used any more, stands for nothing.
            if regex.as_ref().is_some_and(|regex| regex.is_match(name.as_bytes())) {
                topics.insert(name.to_string());
            }
        }
    }
    let patterns = patterns.iter().map(String::as_str);
    patterns.zip(topics.into_iter().map(|topics| Resolved { topics, version, timestamp })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expression_matches_whole_names_as_re2_does() {
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("t", &["t"], &["tt", "at", ""]),
            ("a|bc", &["a", "bc"], &["ac", "abc"]),
            ("orders-\\d+", &["orders-17"], &["orders-", "orders-1x"]),
            ("(?i)ORDERS.*", &["orders", "Orders-1"], &["my-orders"]),
            (r"\Qa.b\E.*", &["a.b", "a.bc"], &["axb"]),
            (r"x\\Q", &["x\\Q"], &["x"]),
            (r"[[:alpha:]]+\z", &["abc"], &["a1"]),
            (r"\p{L}+", &["abc"], &["1"]),
            (r"\w{200}", &[&"w".repeat(200)], &["w"]),
            ("", &[""], &["a"]),
        ];
        for (pattern, matching, others) in rows {
            let regex = compile(pattern).unwrap();
            for name in *matching {
                assert!(regex.is_match(name.as_bytes()), "{pattern} {name}");
            }
            for name in *others {
                assert!(!regex.is_match(name.as_bytes()), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn expression_that_is_none_or_too_large_is_refused() {
        for pattern in
            ["(", "a)(b", "[", "*", r"(?=a)", r"\1", "((a{100}){100}){100}", "a{1001}{1001}"]
        {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
