//! Every API of Kafka 4.3: which versions of it we speak, and what a broker must know before it looks at a request.
//!
//! One table says it all (`table.rs`). What a broker advertises is what it has handlers for, never this table by itself.

mod table;

use std::fmt;

pub use table::ApiKey;

/// What is to be known of an API.
#[derive(Debug)]
pub struct Api {
    /// Its name in Kafka's documentation.
    pub name: &'static str,
    /// The versions that we decode and encode whole.
    pub versions: Versions,
    /// From this version on, strings and arrays are compact and tagged fields follow each struct (KIP-482).
    pub flexible_from: i16,
    /// Which quota a client uses up with it.
    pub throttle: Throttle,
    /// Who asks, and who answers.
    pub scope: Scope,
}

/// A range of versions, both ends included; empty where `max` is below `min`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The oldest.
    pub min: i16,
    /// The newest.
    pub max: i16,
}

impl Versions {
    /// True if `version` is one of them.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// True if there is none.
    pub const fn is_empty(self) -> bool {
        self.max < self.min
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// The quota that a request counts towards besides its share of the request handlers' time.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// `request_percentage` alone.
    Request,
    /// And `producer_byte_rate`.
    Produce,
    /// And `consumer_byte_rate`; a follower's fetch counts towards no quota of clients.
    Fetch,
    /// And `controller_mutation_rate` (KIP-599).
    Mutation,
    /// Nothing: nodes of the cluster ask it of each other.
    Exempt,
}

/// Who asks, and who answers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A client, also before it is authenticated: the requests are small and have no arrays.
    Unauthenticated,
    /// A client, of the broker that it is connected to.
    Client,
    /// A client, to change the cluster's metadata: the active controller decides, and brokers forward to it.
    Cluster,
    /// Another node of the cluster; `CLUSTER_ACTION` is needed.
    Node,
}

impl ApiKey {
    /// The number on the wire.
    pub const fn key(self) -> i16 {
        self as i16
    }

    /// Its name in Kafka's documentation.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The versions that we decode and encode whole.
    pub fn versions(self) -> Versions {
        self.info().versions
    }

    /// What ApiVersions says of it. Produce is said to start at 0: librdkafka otherwise stops compressing (KAFKA-18659).
    pub fn advertised_versions(self) -> Versions {
        let Versions { min, max } = self.versions();
        Versions { min: if self == Self::Produce { 0 } else { min }, max }
    }

    /// True if strings and arrays of this version are compact, and tagged fields follow each struct.
    pub fn is_flexible(self, version: i16) -> bool {
        version >= self.info().flexible_from
    }

    /// The version of the header before a request. It is known for versions of the future too.
    pub fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the header before a response.
    pub fn response_header_version(self, version: i16) -> i16 {
        // A client that asks for the versions does not know yet which header the broker can write (KIP-511).
        if self != Self::ApiVersions && self.is_flexible(version) { 1 } else { 0 }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests;
