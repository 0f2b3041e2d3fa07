//! Settings of single listeners: `listener.name.<name>.max.connections`, with the listener's name in small letters.
//!
//! There is no end of names, so the rows are made when they are first asked for. A row lives for ever, as those of the
//! tables do; therefore there are only so many.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::definition::Definition;
use crate::kind::Kind;

const PREFIX: &str = "listener.name.";
const MAX_CONNECTIONS: &str = ".max.connections";

/// More listeners than any broker has; whoever makes up names does not get more rows.
const ROWS_MAX: usize = 100;

static ROWS: Mutex<Option<HashMap<&'static str, &'static Definition>>> = Mutex::new(None);

/// The key of `max.connections` of one listener.
pub(crate) fn max_connections(listener: &str) -> String {
    format!("{PREFIX}{}{MAX_CONNECTIONS}", listener.to_ascii_lowercase())
}

/// The row of a listener's setting; `None` if there is no such setting.
pub(crate) fn row(key: &str) -> Option<&'static Definition> {
    let name = key.strip_prefix(PREFIX)?.strip_suffix(MAX_CONNECTIONS)?;
    if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = rows.get_or_insert_default();
    if let Some(row) = rows.get(key) {
        return Some(row);
    }
    if rows.len() >= ROWS_MAX {
        return None;
    }
    let key: &'static str = Box::leak(key.to_owned().into_boxed_str());
    let row: &'static Definition = Box::leak(Box::new(
        Definition::unset(key, Kind::Int)
            .at_least(0)
            .per_broker()
            .doc("How many connections the listener has at a time, besides `max.connections`."),
    ));
    rows.insert(key, row);
    Some(row)
}

#[cfg(test)]
mod tests {
    use crate::{BROKER, BrokerConfig, BrokerLayers, Resource, Settings, describe};

    #[test]
    fn limit_of_a_listener_is_read_and_described() {
        let key = super::max_connections("OUTSIDE");
        let pairs = [
            ("listeners", "INSIDE://:9092,OUTSIDE://:9093"),
            ("advertised.listeners", "INSIDE://a:9092,OUTSIDE://a:9093"),
            ("listener.security.protocol.map", "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT"),
            ("inter.broker.listener.name", "INSIDE"),
            ("listener.name.outside.max.connections", "7"),
        ];
        let settings = Settings::parse(&BROKER, pairs).unwrap();
        let config = BrokerConfig::new(&settings).unwrap();
        assert_eq!(config.network.max_connections_by_listener, [("OUTSIDE".to_owned(), 7)]);
        let layers = BrokerLayers::new(settings, [], [(key.as_str(), "8")]);
        let described = describe(Resource::Broker, &layers);
        let row = described.iter().find(|described| described.definition.key == key).unwrap();
        assert_eq!(row.value.as_deref(), Some("8"));
        assert_eq!(row.synonyms.len(), 2);
    }

    #[test]
    fn only_listeners_have_such_settings() {
        for key in [
            "listener.name..max.connections",
            "listener.name.A.max.connections",
            "listener.name.a.log.dirs",
            "listener.name.max.connections",
        ] {
            assert!(BROKER.get(key).is_err(), "{key}");
        }
        assert!(crate::TOPIC.get("listener.name.a.max.connections").is_err());
    }
}
