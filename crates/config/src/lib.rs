//! Every setting in one table per scope: key, type, default, what is allowed, whether it may change while the broker
//! runs, and what it does. Names, types, defaults and limits are those of Apache Kafka 4.3; a test compares each key.
//!
//! The tables are the only place that knows a setting. A text becomes a [`Value`] only through its [`Definition`], so a
//! value inside [`Settings`] is always of the right type and allowed. Settings come in layers: [`BrokerSettings`] is what
//! a broker is started with, [`BrokerLayers`] adds what is set while it runs, and topics and groups have their own over
//! them. The engines do not read settings: they take typed structs made from the layers, which check that the settings
//! fit each other: [`BrokerConfig`] with its parts, [`TopicConfig`], [`GroupConfig`].
//!
//! Reading order: [`Definition`], [`Value`], [`Table`] with its rows in `topic.rs`, `group.rs` and `broker/`,
//! [`Settings`], [`BrokerSettings`], [`BrokerConfig`], [`TopicConfig`], [`describe()`].

mod allowed;
mod broker;
mod broker_config;
mod client_metrics;
mod definition;
mod describe;
mod error;
mod group;
mod group_config;
mod inherit;
mod kind;
mod layers;
mod listener;
mod load;
mod nearest;
mod reader;
mod settings;
mod storage_config;
mod table;
mod topic;
mod topic_config;
mod value;

pub use allowed::Allowed;
pub use broker::{ABSENT, BROKER};
pub use broker_config::{
    Assignor, BrokerConfig, ClassicGroupsConfig, ConsumerGroupsConfig, GroupsConfig,
    InternalTopicConfig, MetadataLogConfig, MigrationPolicy, NetworkConfig, OffsetsConfig,
    ReplicationConfig, RequestsConfig, TopicsConfig, TransactionsConfig,
};
pub use client_metrics::CLIENT_METRICS;
pub use definition::{Definition, Synonym};
pub use describe::{ConfigSource, Described, DescribedSynonym, Resource, describe};
pub use error::Error;
pub use group::GROUP;
pub use group_config::GroupConfig;
pub use kind::{Dynamic, Effect, Importance, Kind, Literal};
pub use layers::BrokerLayers;
pub use listener::{HostPort, Listener, SecurityProtocol};
pub use load::{BrokerSettings, LoadError, Origin};
pub use settings::Settings;
pub use storage_config::{CleanerConfig, StorageConfig};
pub use table::{Group, Scope, Table};
pub use topic::TOPIC;
pub use topic_config::{CleanupPolicy, CompressionPolicy, TopicConfig};
pub use value::{Password, Value};
