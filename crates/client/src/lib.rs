//! A small async Kafka client: connections, the way to leaders and coordinators, produce, fetch, offsets and groups.
//!
//! It is for the command line, for what this house runs beside a broker, and for tests; it is no general client library.
//! Whoever needs an API that has no method here builds the request and hands it to [`Client::call`] or its siblings.
//! It speaks to brokers that know the versions of Kafka 3.0 and later.
//!
//! A server is not believed: frames are bounded before memory is taken, answers are decoded by their layout, batches are
//! checked against their CRC, and decompression is bounded.
//!
//! Reading order: [`Connection`] (frames and correlation on one stream), [`Client`] (which connection), then
//! [`Producer`], [`Fetcher`], [`GroupMember`].

mod assign;
mod backoff;
mod client;
mod connection;
mod consumer_protocol;
mod coordinator;
mod error;
mod fetch;
mod fetched;
mod group_member;
mod list_offsets;
mod metadata;
mod options;
mod partitioner;
mod producer;
#[cfg(test)]
mod scripted;
mod wire;

use backoff::Backoff;

pub use client::Client;
pub use connection::Connection;
pub use consumer_protocol::decode_assignment;
pub use error::Error;
pub use fetch::{FetchOptions, Fetcher};
pub use fetched::Fetched;
pub use group_member::{GroupMember, GroupOptions, Heartbeat};
pub use list_offsets::OffsetSpec;
pub use metadata::{BrokerAddress, Metadata, PartitionMetadata, TopicMetadata, Topics};
pub use options::ClientOptions;
pub use partitioner::partition_of_key;
pub use producer::{Acknowledged, Acks, Producer, ProducerOptions};
