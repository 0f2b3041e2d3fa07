//! Times as they are typed: `500ms`, `30s`, `1h30m`, `2d`.

use std::time::Duration;

const UNITS_MS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Reads a row of numbers with their units.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("'{text}' is not a time such as 500ms, 30s, 1h30m or 2d");
    let mut rest = text;
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        let number: u64 = number.parse().map_err(|_| refuse())?;
        let unit_ms = UNITS_MS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?.1;
        let ms = number.checked_mul(unit_ms).ok_or_else(refuse)?;
        total_ms = total_ms.checked_add(ms).ok_or_else(refuse)?;
        rest = after;
    }
    if text.is_empty() { Err(refuse()) } else { Ok(Duration::from_millis(total_ms)) }
}

/// The longest beginning of `text` whose characters are all `wanted`, and what follows.
fn split(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_all_units() {
        for (text, ms) in [
            ("0s", 0),
            ("250ms", 250),
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1w", 604_800_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "1x",
            "1h30",
            "-1s",
            "1.5h",
            "99999999999999999999s",
            "9999999999999999w",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
