//! What has been set while the cluster runs, by resource. A resource without settings is not in here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use config::{Settings, Table};

/// What has settings of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// A topic.
    Topic,
    /// A broker by its id, or with an empty name all brokers.
    Broker,
    /// A subscription to the metrics of clients (KIP-714).
    ClientMetrics,
    /// A group.
    Group,
}

impl ResourceType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Topic, Self::Broker, Self::ClientMetrics, Self::Group];

    /// Kafka's number for it.
    pub const fn code(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::ClientMetrics => 16,
            Self::Group => 32,
        }
    }

    /// The type with this number. Loggers have one too, 8, but their levels are not kept.
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            2 => Some(Self::Topic),
            4 => Some(Self::Broker),
            16 => Some(Self::ClientMetrics),
            32 => Some(Self::Group),
            _ => None,
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
            Self::ClientMetrics => "client metrics",
            Self::Group => "group",
        })
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// What it is.
    pub kind: ResourceType,
    /// Its name.
    pub name: String,
}

impl ConfigResource {
    /// The resource of this type and name.
    pub fn new(kind: ResourceType, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// What is set for one resource, as texts by key.
pub type ConfigMap = BTreeMap<String, String>;

/// What is set for all resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configs(BTreeMap<ResourceType, BTreeMap<Arc<str>, Arc<ConfigMap>>>);

static EMPTY: ConfigMap = ConfigMap::new();

impl Configs {
    pub(crate) fn get(&self, kind: ResourceType, name: &str) -> &ConfigMap {
        self.0.get(&kind).and_then(|names| names.get(name)).map_or(&EMPTY, |config| config)
    }

    /// The resources of a type that have settings, in the order of their names.
    pub(crate) fn iter(&self, kind: ResourceType) -> impl Iterator<Item = (&Arc<str>, &ConfigMap)> {
        self.0.get(&kind).into_iter().flatten().map(|(name, config)| (name, &**config))
    }

    /// Sets `key` of a resource, or with `None` takes its setting away.
    pub(crate) fn set(&mut self, kind: ResourceType, name: &str, key: &str, value: Option<&str>) {
        let names = self.0.entry(kind).or_default();
        let config = Arc::make_mut(names.entry(Arc::from(name)).or_default());
        match value {
            Some(value) => drop(config.insert(key.to_owned(), value.to_owned())),
            None => drop(config.remove(key)),
        }
        if config.is_empty() {
            self.remove(kind, name);
        }
    }

    /// Takes all settings of a resource away.
    pub(crate) fn remove(&mut self, kind: ResourceType, name: &str) {
        if let Some(names) = self.0.get_mut(&kind) {
            names.remove(name);
            if names.is_empty() {
                self.0.remove(&kind);
            }
        }
    }
}

/// What is set of the keys in `table`. A key or value that the table does not know, of an older or newer version, is
/// passed over: it cannot be refused any more.
pub fn settings(table: &'static Table, config: &ConfigMap) -> Settings {
    let mut settings = Settings::new(table);
    for (key, text) in config {
        let _unknown = settings.set(key, text);
    }
    settings
}
