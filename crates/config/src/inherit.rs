//! How a broker's settings stand in for what a topic does not set (`ServerTopicConfigSynonyms`).

use crate::definition::{Definition, Kind, Synonym};
use crate::settings::Settings;
use crate::value::Value;

/// What the broker sets for a topic's setting: the broker's key and the value in the topic's unit. The value is of the
/// topic's type; the caller asks whether the topic's limits admit it, for some keys of the broker have none.
pub(crate) fn inherited(topic: &Definition, broker: &Settings) -> Option<(&'static str, Value)> {
    topic.synonyms.iter().find_map(|synonym| {
        let value = match convert(broker.get(synonym.key)?.clone(), topic.kind, synonym) {
            // A broker may say "for ever" by any negative number (`KafkaConfig.logRetentionTimeMillis`).
            Value::Long(ms) if topic.key == "retention.ms" => Value::Long(ms.max(-1)),
            value => value,
        };
        Some((synonym.key, value))
    })
}

fn convert(value: Value, kind: Kind, synonym: &Synonym) -> Value {
    match (value, kind) {
        (Value::Int(value), Kind::Long) => {
            Value::Long(i64::from(value).saturating_mul(synonym.factor))
        }
        (value, _) => value,
    }
}
