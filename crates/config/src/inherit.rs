//! How a broker's settings stand in for what a topic or a group does not set (`ServerTopicConfigSynonyms`).

use crate::definition::{Definition, Synonym};
use crate::kind::Kind;
use crate::settings::Settings;
use crate::value::Value;

/// What the broker sets for the setting of a topic or a group: the broker's key and the value in the unit of `row`. The
/// value is of its type; the caller asks whether its limits admit it, for some keys of the broker have none.
pub(crate) fn inherited(row: &Definition, broker: &Settings) -> Option<(&'static str, Value)> {
    row.synonyms.iter().find_map(|synonym| {
        let value = match convert(broker.get(synonym.key)?.clone(), row.kind, synonym) {
            // A broker may say "for ever" by any negative number (`KafkaConfig.logRetentionTimeMillis`).
            Value::Long(ms) if row.key == "retention.ms" => Value::Long(ms.max(-1)),
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
