//! Every setting in one table per scope: key, type, default, what is allowed, whether it may change while the broker
//! runs, and what it does. Names, types, defaults and limits are those of Apache Kafka 4.3; a test compares each key.
//!
//! The tables are the only place that knows a setting. A text becomes a [`Value`] only through its [`Definition`], so a
//! value inside [`Settings`] is always of the right type and allowed. The engines do not read settings: they take the
//! typed structs [`TopicConfig`] and [`StorageConfig`], made from layers of settings.
//!
//! Reading order: [`Definition`], [`Value`], [`Table`] with its rows in `topic.rs` and `broker/`, [`Settings`],
//! [`TopicConfig`].

mod broker;
mod definition;
mod error;
mod inherit;
mod nearest;
mod reader;
mod settings;
mod storage_config;
mod table;
mod topic;
mod topic_config;
mod value;

pub use broker::BROKER;
pub use definition::{Allowed, Definition, Dynamic, Importance, Kind, Literal, Synonym};
pub use error::Error;
pub use settings::Settings;
pub use storage_config::{CleanerConfig, StorageConfig};
pub use table::{Group, Scope, Table};
pub use topic::TOPIC;
pub use topic_config::{CleanupPolicy, CompressionPolicy, TopicConfig};
pub use value::{Password, Value};
