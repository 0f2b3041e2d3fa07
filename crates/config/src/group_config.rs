//! The settings of a group as its coordinator uses them.

use crate::error::Error;
use crate::group::{GROUP, RANGES, SESSIONS};
use crate::inherit::inherited;
use crate::reader::Reader;
use crate::settings::Settings;
use crate::value::Value;

/// A group's settings, its own or the broker's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// `consumer.session.timeout.ms`, at least 1.
    pub consumer_session_timeout_ms: u64,
    /// `consumer.heartbeat.interval.ms`, at least 1.
    pub consumer_heartbeat_interval_ms: u64,
    /// `consumer.assignment.interval.ms`.
    pub consumer_assignment_interval_ms: u64,
}

impl GroupConfig {
    /// The group's own settings over the broker's over the defaults. It cannot fail: what was allowed when it was set
    /// and is outside of the broker's limits by now is taken for the limit, as in Kafka (`GroupConfig.evaluate`).
    pub fn new(overrides: &Settings, broker: &Settings) -> Self {
        let group = Reader(|key: &str| effective(key, overrides, broker));
        let broker = Reader(|key: &str| broker.get_or_default(key));
        let number = |key: &str| {
            let value = group.long(key);
            let range = RANGES.iter().find(|range| range.key == key);
            let value = range.map_or(value, |range| {
                let (min, max) = range.bounds(&broker);
                value.min(max).max(min)
            });
            u64::try_from(value).unwrap_or_default()
        };
        Self {
            consumer_session_timeout_ms: number("consumer.session.timeout.ms"),
            consumer_heartbeat_interval_ms: number("consumer.heartbeat.interval.ms"),
            consumer_assignment_interval_ms: number("consumer.assignment.interval.ms"),
        }
    }

    /// Whether a group may be given these settings: the broker has limits for them, and heartbeats have to come within
    /// the session.
    pub fn check(overrides: &Settings, broker: &Settings) -> Result<(), Error> {
        let group = Reader(|key: &str| effective(key, overrides, broker));
        let broker = Reader(|key: &str| broker.get_or_default(key));
        for range in RANGES.iter().filter(|range| overrides.get(range.key).is_some()) {
            let (min, max) = range.bounds(&broker);
            let value = group.long(range.key);
            if value < min || value > max {
                return Err(
                    group.refuse(range.key, format!("the broker takes from {min} to {max}"))
                );
            }
        }
        for (session, heartbeat) in SESSIONS {
            if group.long(session) <= group.long(heartbeat) {
                let reason = format!("{heartbeat} is not below it, {}", group.long(heartbeat));
                return Err(group.refuse(session, reason));
            }
        }
        Ok(())
    }
}

/// The value of a group's `key` that holds.
pub(crate) fn effective(key: &str, overrides: &Settings, broker: &Settings) -> Option<Value> {
    let definition = GROUP.get(key).ok()?;
    overrides
        .get(key)
        .cloned()
        .or_else(|| inherited(definition, broker).map(|(_, value)| value))
        .or_else(|| definition.default_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::BROKER;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn settings(group: Pairs<'_>, broker: Pairs<'_>) -> (Settings, Settings) {
        let group = Settings::parse(&GROUP, group.iter().copied()).unwrap();
        (group, Settings::parse(&BROKER, broker.iter().copied()).unwrap())
    }

    fn session(group: Pairs<'_>, broker: Pairs<'_>) -> u64 {
        let (group, broker) = settings(group, broker);
        GroupConfig::new(&group, &broker).consumer_session_timeout_ms
    }

    #[test]
    fn config_from_layers_is_the_nearest_within_the_limits() {
        let key = "consumer.session.timeout.ms";
        let broker_key = "group.consumer.session.timeout.ms";
        assert_eq!(session(&[], &[]), 45_000);
        assert_eq!(session(&[], &[(broker_key, "50000")]), 50_000);
        assert_eq!(session(&[(key, "55000")], &[(broker_key, "50000")]), 55_000);
        let limits = [
            ("group.consumer.min.session.timeout.ms", "46000"),
            ("group.consumer.max.session.timeout.ms", "47000"),
        ];
        assert_eq!(session(&[(key, "55000")], &limits), 47_000);
        assert_eq!(session(&[(key, "45000")], &limits), 46_000);
    }

    #[test]
    fn check_outside_the_limits_is_refused() {
        for (key, text, reason) in [
            ("consumer.session.timeout.ms", "44999", "the broker takes from 45000 to 60000"),
            ("streams.num.standby.replicas", "3", "the broker takes from 0 to 2"),
        ] {
            let (group, broker) = settings(&[(key, text)], &[]);
            let error = GroupConfig::check(&group, &broker).unwrap_err();
            assert_eq!(error.to_string(), format!("{key} cannot be `{text}`: {reason}"));
        }
        let limits = [
            ("group.consumer.min.session.timeout.ms", "1"),
            ("group.consumer.max.heartbeat.interval.ms", "60000"),
        ];
        for (session, fits) in [("5001", true), ("5000", false)] {
            let (group, broker) = settings(&[("consumer.session.timeout.ms", session)], &limits);
            assert_eq!(GroupConfig::check(&group, &broker).is_ok(), fits, "{session}");
        }
        let (group, broker) = settings(&[], &[]);
        GroupConfig::check(&group, &broker).unwrap();
    }
}
