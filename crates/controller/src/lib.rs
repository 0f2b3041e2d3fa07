//! The cluster's metadata: what there is ([`Image`]), what changes it ([`decide`]), and where the changes are kept
//! ([`log`]).
//!
//! A change goes one way: a decision makes records of a request, the quorum commits them, every node applies them to
//! its image. The image and the decisions are pure: they hold no file, no clock and no chance. The vocabulary of the
//! records is Kafka's, and so is the log: `kafka-dump-log --cluster-metadata-decoder` reads it.
//!
//! Invariants:
//! - only [`Image::apply`] changes an image, and the same records make the same image everywhere;
//! - a record is applied only once it is on stable storage;
//! - a decision's records are applied all or not at all, whenever the power fails.
//!
//! Reading order: [`image`], [`decide`] (one file a request), `apply`, [`log`].

mod apply;
pub mod decide;
pub mod image;
pub mod log;
mod records;

pub use apply::ApplyError;
pub use decide::{ApiError, Cluster, Decision};
pub use image::Image;
pub use log::{MetadataLog, Quorum};
