//! What DescribeConfigs says of the settings of a resource: each value that holds, where it comes from, and what would
//! hold without it (`ConfigHelper`).
//!
//! Kafka's peculiarities are kept, for tools show what they are told: a synonym counts only from the first of the
//! broker's keys on, so a topic's `retention.ms` that comes from `log.retention.hours` alone is called a default.

use crate::broker::{BROKER, per_listener};
use crate::client_metrics::CLIENT_METRICS;
use crate::definition::Definition;
use crate::group::GROUP;
use crate::group_config;
use crate::kind::{Dynamic, Kind};
use crate::layers::{BrokerLayers, synonyms};
use crate::settings::Settings;
use crate::topic::TOPIC;
use crate::topic_config;
use crate::value::Value;

/// Whose settings are described.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// Those of the broker that the layers are of.
    Broker,
    /// Those of all brokers; only what is set.
    AllBrokers,
    /// Those of a topic with these settings of its own.
    Topic(&'a Settings),
    /// Those of a group with these settings of its own.
    Group(&'a Settings),
    /// Those of a subscription to the metrics of clients.
    ClientMetrics(&'a Settings),
}

/// Where a value comes from. The numbers are Kafka's (`DescribeConfigsResponse.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    /// The topic's own settings.
    DynamicTopic = 1,
    /// The settings of this broker that were set while it runs.
    DynamicBroker = 2,
    /// The settings of all brokers that were set while they run.
    DynamicDefaultBroker = 3,
    /// What the broker was started with.
    StaticBroker = 4,
    /// Nobody has set it.
    Default = 5,
    /// The subscription's own settings.
    DynamicClientMetrics = 7,
    /// The group's own settings.
    DynamicGroup = 8,
}

/// A setting, as a client is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The row of its table, with its name, type and documentation.
    pub definition: &'static Definition,
    /// The value that holds; `None` if there is none, or if it is a secret.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether it changes only by a restart.
    pub read_only: bool,
    /// What holds, and what would hold without it, and so on.
    pub synonyms: Vec<DescribedSynonym>,
}

impl Described {
    /// Whether its value is a secret.
    pub fn sensitive(&self) -> bool {
        self.definition.kind == Kind::Password
    }
}

/// A setting that says the same as another, or stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedSynonym {
    /// Its name.
    pub key: &'static str,
    /// Its value; `None` if it is a secret.
    pub value: Option<String>,
    /// Where its value comes from.
    pub source: ConfigSource,
}

impl DescribedSynonym {
    fn new(definition: &Definition, value: &Value, source: ConfigSource) -> Self {
        Self { key: definition.key, value: shown(value), source }
    }
}

/// A value as it is shown; secrets are not.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Password(_) => None,
        value => Some(value.to_string()),
    }
}

/// All settings of a resource, group by group. Settings for tests are among them where they are set.
pub fn describe(resource: Resource<'_>, layers: &BrokerLayers) -> Vec<Described> {
    match resource {
        Resource::Broker => of_one_broker(layers),
        Resource::AllBrokers => of_all_brokers(layers),
        Resource::Topic(overrides) => of_topic(overrides, layers),
        Resource::Group(overrides) => of_group(overrides, layers),
        Resource::ClientMetrics(overrides) => of_client_metrics(overrides),
    }
}

fn of_one_broker(layers: &BrokerLayers) -> Vec<Described> {
    let effective = layers.effective();
    let rows = BROKER.definitions();
    rows.filter(|row| is_listed(row) || effective.get(row.key).is_some())
        .chain(of_listeners(&effective))
        .map(|row| described(row, effective.get_or_default(row.key), of_broker(row, layers)))
        .collect()
}

/// The settings of single listeners that are set: they are in no table.
fn of_listeners(effective: &Settings) -> impl Iterator<Item = &'static Definition> {
    effective.iter().filter_map(|(key, _)| per_listener::row(key))
}

/// What is set for all brokers, without a word of any one.
fn of_all_brokers(layers: &BrokerLayers) -> Vec<Described> {
    let is_of_all =
        |synonym: &DescribedSynonym| synonym.source == ConfigSource::DynamicDefaultBroker;
    let rows = BROKER.definitions().filter_map(|row| Some((row, layers.all.get(row.key)?)));
    rows.map(|(row, value)| {
        let synonyms = of_broker(row, layers).into_iter().filter(is_of_all).collect();
        described(row, Some(value.clone()), synonyms)
    })
    .collect()
}

fn of_topic(overrides: &Settings, layers: &BrokerLayers) -> Vec<Described> {
    let effective = layers.effective();
    let rows = TOPIC.definitions();
    rows.filter(|row| is_listed(row) || overrides.get(row.key).is_some())
        .map(|row| {
            let value = topic_config::effective(row.key, overrides, &effective);
            own(row, value, overrides, ConfigSource::DynamicTopic, inherited(row, layers))
        })
        .collect()
}

fn of_group(overrides: &Settings, layers: &BrokerLayers) -> Vec<Described> {
    let effective = layers.effective();
    let rows = GROUP.definitions();
    rows.map(|row| {
        let value = group_config::effective(row.key, overrides, &effective);
        let inherited = match row.synonyms {
            [] => of_default(row).into_iter().collect(),
            _ => inherited(row, layers),
        };
        own(row, value, overrides, ConfigSource::DynamicGroup, inherited)
    })
    .collect()
}

fn of_client_metrics(overrides: &Settings) -> Vec<Described> {
    let rows = CLIENT_METRICS.definitions();
    rows.map(|row| {
        let value = overrides.get_or_default(row.key);
        own(row, value, overrides, ConfigSource::DynamicClientMetrics, Vec::new())
    })
    .collect()
}

/// Whether a setting is described even where nobody has set it.
fn is_listed(row: &Definition) -> bool {
    !row.internal && row.dynamic != Dynamic::Only
}

fn described(
    definition: &'static Definition,
    value: Option<Value>,
    synonyms: Vec<DescribedSynonym>,
) -> Described {
    Described {
        definition,
        value: value.as_ref().and_then(shown),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        read_only: definition.dynamic == Dynamic::ReadOnly,
        synonyms,
    }
}

/// A setting of a resource that may have set it itself; what is `inherited` holds without that.
fn own(
    row: &'static Definition,
    value: Option<Value>,
    overrides: &Settings,
    source: ConfigSource,
    inherited: Vec<DescribedSynonym>,
) -> Described {
    let own = overrides.get(row.key).map(|value| DescribedSynonym::new(row, value, source));
    described(row, value, own.into_iter().chain(inherited).collect())
}

/// What a broker's settings say of one of a topic's or a group's, by the first of the keys that stand in for it.
fn inherited(row: &Definition, layers: &BrokerLayers) -> Vec<DescribedSynonym> {
    let first = row.synonyms.first().and_then(|synonym| BROKER.get(synonym.key).ok());
    first.map_or_else(Vec::new, |row| of_broker(row, layers))
}

/// A broker's setting and its synonyms in all layers, from the first on that has the very key.
fn of_broker(row: &'static Definition, layers: &BrokerLayers) -> Vec<DescribedSynonym> {
    let rows: Vec<_> =
        synonyms(row.key).into_iter().filter_map(|key| BROKER.get(key).ok()).collect();
    let sources = [
        (&layers.own, ConfigSource::DynamicBroker),
        (&layers.all, ConfigSource::DynamicDefaultBroker),
        (&layers.fixed, ConfigSource::StaticBroker),
    ];
    let set = sources.into_iter().flat_map(|(layer, source)| {
        rows.iter().filter_map(move |row| {
            layer.get(row.key).map(|value| DescribedSynonym::new(row, value, source))
        })
    });
    let defaults = rows.iter().filter_map(|row| of_default(row));
    set.chain(defaults).skip_while(|synonym| synonym.key != row.key).collect()
}

/// The default of a setting that has one. Those that are only ever set by clients have none in Kafka's eyes.
fn of_default(row: &Definition) -> Option<DescribedSynonym> {
    let default = row.default_value().filter(|_| row.dynamic != Dynamic::Only);
    default.map(|value| DescribedSynonym::new(row, &value, ConfigSource::Default))
}
