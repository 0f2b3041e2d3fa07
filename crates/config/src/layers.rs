//! The layers of a broker's settings: its own, set while it runs; those of all brokers, set while they run; and what it
//! was started with (KIP-226). Each holds where those before it say nothing.

use crate::broker::BROKER;
use crate::error::Error;
use crate::kind::Dynamic;
use crate::settings::Settings;

/// The keys that say one thing in several units, the one that wins first (`DynamicBrokerConfig.brokerConfigSynonyms`).
const SYNONYMS: &[&[&str]] = &[
    &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
    &["log.roll.ms", "log.roll.hours"],
    &["log.roll.jitter.ms", "log.roll.jitter.hours"],
];

/// All keys that say what `key` says, itself included. The scheduler's interval stands in for the interval of flushes,
/// but is also something of its own.
pub(crate) fn synonyms(key: &'static str) -> Vec<&'static str> {
    if key == "log.flush.interval.ms" {
        return vec![key, "log.flush.scheduler.interval.ms"];
    }
    let same = SYNONYMS.iter().find(|synonyms| synonyms.contains(&key));
    same.map_or_else(|| vec![key], |synonyms| synonyms.to_vec())
}

/// The settings of a broker, by where they come from.
#[derive(Debug, Clone)]
pub struct BrokerLayers {
    pub(crate) own: Settings,
    pub(crate) all: Settings,
    pub(crate) fixed: Settings,
    refused: Vec<Error>,
}

impl BrokerLayers {
    /// Layers of what the broker was started with, what the metadata has for `all` brokers, and what it has for this one
    /// as its `own`. What stands in the metadata and cannot be is left out: it may come from a cluster of Kafka's.
    pub fn new<'a>(
        fixed: Settings,
        all: impl IntoIterator<Item = (&'a str, &'a str)>,
        own: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let (own, mut refused) = stored(own, false);
        let (all, refused_of_all) = stored(all, true);
        refused.extend(refused_of_all);
        Self { own, all, fixed, refused }
    }

    /// What was left out; to be logged.
    pub fn refused(&self) -> &[Error] {
        &self.refused
    }

    /// What holds. A layer takes away what the layers below it say of the same thing in another unit.
    pub fn effective(&self) -> Settings {
        let mut effective = self.fixed.clone();
        for (key, value) in self.all.iter().chain(self.own.iter()) {
            for synonym in synonyms(key) {
                effective.remove(synonym);
            }
            effective.insert(key, value.clone());
        }
        effective
    }
}

/// The settings of one layer of the metadata, and what is wrong with those that are left out.
fn stored<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    of_all_brokers: bool,
) -> (Settings, Vec<Error>) {
    let mut settings = Settings::new(&BROKER);
    let mut refused = Vec::new();
    for (key, text) in pairs {
        let allowed = BROKER.get(key).and_then(|definition| match definition.dynamic {
            Dynamic::ReadOnly => Err(Error::unsupported(key, "it changes only by a restart")),
            Dynamic::PerBroker if of_all_brokers => {
                Err(Error::unsupported(key, "it is set for one broker at a time"))
            }
            Dynamic::PerBroker | Dynamic::ClusterWide | Dynamic::Only => Ok(()),
        });
        if let Err(error) = allowed.and_then(|()| settings.set(key, text)) {
            refused.push(error);
        }
    }
    (settings, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn effective_is_the_nearest_and_drops_other_units_below() {
        let fixed = [("log.retention.hours", "1"), ("log.roll.ms", "7"), ("num.partitions", "3")];
        let fixed = Settings::parse(&BROKER, fixed).unwrap();
        let all = [("log.retention.ms", "5"), ("log.cleaner.threads", "2")];
        let own = [("log.cleaner.threads", "4")];
        let layers = BrokerLayers::new(fixed, all, own);
        let effective = layers.effective();
        assert_eq!(effective.get("log.retention.hours"), None);
        assert_eq!(effective.get("log.retention.ms"), Some(&Value::Long(5)));
        assert_eq!(effective.get("log.roll.ms"), Some(&Value::Long(7)));
        assert_eq!(effective.get("log.cleaner.threads"), Some(&Value::Int(4)));
        assert_eq!(effective.get("num.partitions"), Some(&Value::Int(3)));
        assert_eq!(layers.refused(), []);
    }

    #[test]
    fn layers_of_what_cannot_be_leave_it_out() {
        let all = [("cordoned.log.dirs", "/a"), ("log.roll.ms", "x"), ("nonsense", "1")];
        let own = [("num.partitions", "3"), ("cordoned.log.dirs", "/a")];
        let layers = BrokerLayers::new(Settings::new(&BROKER), all, own);
        let refused: Vec<_> = layers.refused().iter().map(ToString::to_string).collect();
        assert_eq!(
            refused,
            [
                "num.partitions cannot be set: it changes only by a restart",
                "cordoned.log.dirs cannot be set: it is set for one broker at a time",
                "log.roll.ms cannot be `x`: it takes a value of type long",
                "a broker has no setting `nonsense`",
            ]
        );
        let effective = layers.effective();
        assert_eq!(effective.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["cordoned.log.dirs"]);
    }
}
