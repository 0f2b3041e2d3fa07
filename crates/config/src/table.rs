//! All settings of one scope, in groups as a reader wants them and by key as a program wants them.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use crate::broker::per_listener;
use crate::definition::Definition;
use crate::error::Error;

/// Whose settings a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A broker's, from its file, its command line, its environment and the cluster's metadata.
    Broker,
    /// A topic's, from the cluster's metadata.
    Topic,
    /// A group's, from the cluster's metadata.
    Group,
    /// Those of a subscription to the metrics of clients, from the cluster's metadata.
    ClientMetrics,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Broker => "a broker",
            Self::Topic => "a topic",
            Self::Group => "a group",
            Self::ClientMetrics => "a client metrics subscription",
        })
    }
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The rows below it.
    pub rows: &'static [Definition],
}

/// The settings of one scope. No key comes twice.
#[derive(Debug)]
pub struct Table {
    /// Whose settings they are.
    pub scope: Scope,
    /// The rows, by theme.
    pub groups: &'static [Group],
    /// The rows by key, made at the first look-up.
    index: OnceLock<HashMap<&'static str, &'static Definition>>,
}

impl Table {
    pub(crate) const fn new(scope: Scope, groups: &'static [Group]) -> Self {
        Self { scope, groups, index: OnceLock::new() }
    }

    /// All rows, group by group.
    pub fn definitions(&self) -> impl Iterator<Item = &'static Definition> + use<> {
        self.groups.iter().flat_map(|group| group.rows)
    }

    /// The row of `key`, which may be that of a single listener; the error for a key that is not there names the nearest one.
    pub fn get(&self, key: &str) -> Result<&'static Definition, Error> {
        self.index
            .get_or_init(|| self.definitions().map(|row| (row.key, row)).collect())
            .get(key)
            .copied()
            .or_else(|| per_listener::row(key).filter(|_| self.scope == Scope::Broker))
            .ok_or_else(|| Error::unknown_key(self, key))
    }
}
