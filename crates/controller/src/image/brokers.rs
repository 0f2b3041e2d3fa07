//! The brokers that have registered, alive or not.

use std::collections::BTreeMap;

use protocol::BrokerId;
use protocol::internal::metadata::Endpoint;
use storage::files::meta_properties::DirectoryId;

/// A registration of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// The broker.
    pub id: BrokerId,
    /// The registration; requests of the broker's earlier ones are refused.
    pub epoch: i64,
    /// The process that registered, by an id that it drew at its start.
    pub incarnation_id: [u8; 16],
    /// Where it is reached, a listener each.
    pub endpoints: Vec<Endpoint>,
    /// The feature levels that it supports, by the names of the features.
    pub features: BTreeMap<String, VersionRange>,
    /// The rack that it is in.
    pub rack: Option<String>,
    /// Whether it may not lead, be in sync or be shown to clients: from its registration until it has caught up, and
    /// from when it falls silent.
    pub is_fenced: bool,
    /// Whether it is handing its partitions over before it stops.
    pub in_controlled_shutdown: bool,
    /// Its log directories that work.
    pub log_dirs: Vec<DirectoryId>,
    /// Those of them that get no new partitions; `None` if it has not said.
    pub cordoned_log_dirs: Option<Vec<DirectoryId>>,
}

/// A range of feature levels, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest.
    pub min: i16,
    /// The highest.
    pub max: i16,
}

impl VersionRange {
    /// Whether the level is one of them.
    pub const fn contains(self, level: i16) -> bool {
        self.min <= level && level <= self.max
    }
}

/// What stands in a partition for a directory that the broker has still to choose (`DirectoryId.UNASSIGNED`).
pub const UNASSIGNED_DIR: DirectoryId = reserved_dir(1);
/// The same for one that it chose before directories had ids (`DirectoryId.MIGRATING`).
pub const MIGRATING_DIR: DirectoryId = reserved_dir(0);
/// The same for one that is lost (`DirectoryId.LOST`).
pub const LOST_DIR: DirectoryId = reserved_dir(2);

const fn reserved_dir(number: u8) -> DirectoryId {
    let mut id = [0; 16];
    id[15] = number;
    DirectoryId(id)
}

/// Whether the id is one of the first hundred, which no directory may have.
pub(crate) fn is_reserved_dir(id: DirectoryId) -> bool {
    let (&last, first) = id.0.split_last().expect("an id has 16 bytes");
    first.iter().all(|byte| *byte == 0) && last < 100
}

impl Broker {
    /// Whether it may lead and be in sync.
    pub const fn is_active(&self) -> bool {
        !self.is_fenced && !self.in_controlled_shutdown
    }

    /// The endpoint of a listener.
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == listener)
    }

    /// Whether a replica in this directory can be served. A broker that named no directories is taken at its word.
    pub fn has_online_dir(&self, dir: DirectoryId) -> bool {
        match dir {
            UNASSIGNED_DIR | MIGRATING_DIR => true,
            LOST_DIR => false,
            dir => self.log_dirs.is_empty() || self.log_dirs.contains(&dir),
        }
    }

    /// Whether it has a directory for new partitions.
    pub fn takes_partitions(&self) -> bool {
        match &self.cordoned_log_dirs {
            Some(cordoned) if !self.log_dirs.is_empty() => {
                self.log_dirs.iter().any(|dir| !cordoned.contains(dir))
            }
            _ => true,
        }
    }

    /// The directory that a new partition is put down for: the only one, or one that the broker chooses.
    pub fn default_dir(&self) -> DirectoryId {
        match *self.log_dirs {
            [] => MIGRATING_DIR,
            [only] => only,
            _ => UNASSIGNED_DIR,
        }
    }
}
