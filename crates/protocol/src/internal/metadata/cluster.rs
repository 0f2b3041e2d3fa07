//! What concerns the cluster as a whole: settings, quotas, features, producer ids, and the log itself.

use crate::ids::{BrokerId, ProducerId};
use crate::wire::{Reader, Wire, WireError, Writer, wire_fields};

/// A setting of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRecord {
    /// The type of the resource, by Kafka's number (`ConfigResource.Type`): 2 is a topic, 4 a broker.
    pub resource_type: i8,
    /// The name of the resource; empty for all brokers.
    pub resource_name: String,
    /// The name of the setting.
    pub name: String,
    /// What is set; `None` if it no longer is.
    pub value: Option<String>,
}
wire_fields!(ConfigRecord { resource_type, resource_name, name, value });

/// The level of a feature that the whole cluster has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// The feature.
    pub name: String,
    /// The level; 0 switches the feature off.
    pub feature_level: i16,
}
wire_fields!(FeatureLevelRecord { name, feature_level });

/// A quota of clients (KIP-546).
#[derive(Clone, Debug, PartialEq)]
pub struct ClientQuotaRecord {
    /// Whose it is: a user, a client id, both, or an address.
    pub entity: Vec<EntityData>,
    /// What is limited.
    pub key: String,
    /// The limit; it means nothing if `remove` is set.
    pub value: f64,
    /// Whether the quota is gone.
    pub remove: bool,
}
wire_fields!(ClientQuotaRecord { entity, key, value, remove });

/// One part of whom a quota is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityData {
    /// `user`, `client-id` or `ip`.
    pub entity_type: String,
    /// Its name; `None` for all that have no quota of their own.
    pub entity_name: Option<String>,
}
wire_fields!(EntityData { entity_type, entity_name });

/// A block of producer ids given to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// The broker; -1 in a snapshot.
    pub broker_id: BrokerId,
    /// Its registration; -1 in a snapshot.
    pub broker_epoch: i64,
    /// The first id behind the block.
    pub next_producer_id: ProducerId,
}
wire_fields!(ProducerIdsRecord { broker_id, broker_epoch, next_producer_id });

/// Implements [`Wire`] for the records whose only field is an optional text in tag 0.
macro_rules! described {
    ($($record:ident { $field:ident })*) => {
        $(impl Wire for $record {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                let mut record = Self { $field: None };
                reader.read_tags(|tag, field| {
                    if tag == 0 {
                        record.$field = field.read()?;
                    }
                    Ok(())
                })?;
                Ok(record)
            }

            fn write(&self, writer: &mut Writer) {
                writer.write_tags(|tags| tags.field(0, &self.$field, &None));
            }
        })*
    };
}

/// The beginning of records that count together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginTransactionRecord {
    /// What they are for.
    pub name: Option<String>,
}

/// The end of records that count together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndTransactionRecord;
wire_fields!(EndTransactionRecord {});

/// The end of records that do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortTransactionRecord {
    /// Why they do not.
    pub reason: Option<String>,
}

described! {
    BeginTransactionRecord { name }
    AbortTransactionRecord { reason }
}

/// Nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoOpRecord;
wire_fields!(NoOpRecord {});

/// How far a cluster was on its way from ZooKeeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZkMigrationStateRecord {
    /// The step, by Kafka's number; 0 is none.
    pub zk_migration_state: i8,
}
wire_fields!(ZkMigrationStateRecord { zk_migration_state });
