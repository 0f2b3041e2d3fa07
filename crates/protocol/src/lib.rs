//! Kafka's words, as this house uses them: ids and offsets, error codes, the record batch v2, the
//! requests and responses with their frames, and the records of Kafka's internal topics.
//!
//! Nothing here does IO or reads a clock, and only the codecs keep memory from call to call.
//! Everything that parses takes bytes that may be hostile: a length is compared with what is there
//! before it is believed, and the answer to damage is an error, never a panic.
//!
//! Reading order: [`ids`], [`varint`], [`record`] (the batch on the wire and on disk),
//! [`ErrorCode`]; [`api`] (the table of all APIs), [`frame`], [`messages`]; [`wire`] (primitive
//! types) and [`internal`].

pub mod api;
mod error_code;
pub mod frame;
pub mod ids;
pub mod internal;
pub mod messages;
pub mod record;
pub mod varint;
pub mod wire;

pub use api::ApiKey;
pub use error_code::ErrorCode;
pub use ids::{
    BrokerId, CoordinatorEpoch, LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId,
    Sequence, Timestamp, TopicId, TopicPartition,
};
