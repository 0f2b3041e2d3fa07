//! Moments as they are typed and shown: `2026-11-21T10:00:00Z`, `-90m` for so long ago, milliseconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

use crate::duration::parse_duration;

const DAY_MS: i64 = 86_400_000;

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Reads a moment. A date without a zone is in UTC.
pub(crate) fn parse_moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(ago) = text.strip_prefix('-') {
        let ago_ms = i64::try_from(parse_duration(ago)?.as_millis()).unwrap_or(i64::MAX);
        return Ok(Timestamp(now.0.saturating_sub(ago_ms)));
    }
    if text == "now" {
        return Ok(now);
    }
    if text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Timestamp).map_err(|_| refuse(text));
    }
    parse_date(text).map(Timestamp).ok_or_else(|| refuse(text))
}

fn refuse(text: &str) -> String {
    format!(
        "'{text}' is not a moment such as 2026-11-21T10:00:00Z, 2026-11-21, -90m or milliseconds since 1970"
    )
}

/// `YYYY-MM-DD`, then perhaps `T` or a space, `HH:MM`, `:SS`, `.sss`, and `Z` or an offset such as `+02:00`.
fn parse_date(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00"),
    };
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let days = days_from_civil(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)?;
    let (clock, offset_ms) = split_zone(time)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |text| digits(text, 2))?;
    let is_clock = hour < 24 && minute < 60 && second < 60;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_clock || !is_fraction {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + millis - offset_ms)
}

/// Splits a time of day from its zone; the zone in milliseconds east of UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, zone) = time.split_at(at);
    let (sign, zone) = zone.split_at(1);
    let (hours, minutes) = zone.split_once(':')?;
    let minutes = digits(hours, 2)? * 60 + digits(minutes, 2)?;
    Some((clock, if sign == "-" { -minutes } else { minutes } * 60_000))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Days since 1970-01-01 in the Gregorian calendar, whose years are counted from March so that the leap day is the last.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The moment in UTC, as RFC 3339 has it; empty where there is none.
pub(crate) fn show_moment(timestamp: Timestamp) -> String {
    if timestamp.is_none() {
        return String::new();
    }
    let (days, ms) = (timestamp.0.div_euclid(DAY_MS), timestamp.0.rem_euclid(DAY_MS));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn moments_are_read_in_all_forms() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-21T10:00:00Z", 1_795_255_200_000),
            ("2026-11-21 10:00", 1_795_255_200_000),
            ("2026-11-21T12:00:00+02:00", 1_795_255_200_000),
            ("2026-11-21T05:30:00-04:30", 1_795_255_200_000),
            ("2024-02-29T00:00:00.25Z", 1_709_164_800_250),
            ("1700000000123", 1_700_000_000_123),
            ("-90m", NOW.0 - 5_400_000),
            ("now", NOW.0),
        ] {
            assert_eq!(parse_moment(text, NOW), Ok(Timestamp(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-02-29",
            "2026-13-01",
            "2026-11-21T24:00",
            "2026-11-21T10:00:00.",
            "2026-11-21T10:00+2",
            "26-11-21",
            "12345",
            "-",
            "-90",
        ] {
            assert!(parse_moment(text, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn moment_is_shown_in_utc() {
        assert_eq!(show_moment(Timestamp(1_709_164_800_250)), "2024-02-29T00:00:00.250Z");
        assert_eq!(show_moment(Timestamp::NONE), "");
    }

    proptest! {
        #[test]
        fn moment_that_is_shown_is_read_as_the_same(ms in 0..253_402_300_800_000_i64) {
            prop_assert_eq!(parse_moment(&show_moment(Timestamp(ms)), NOW), Ok(Timestamp(ms)));
        }
    }
}
