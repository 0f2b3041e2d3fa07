//! Registrations of brokers and controllers.
//!
//! | `RegisterBrokerRecord` | type | versions |
//! |---|---|---|
//! | broker id | i32 | all |
//! | is migrating ZooKeeper broker | bool | 2 and later |
//! | incarnation id | uuid | all |
//! | broker epoch | i64 | all |
//! | end points, features | array | all |
//! | rack | string or null | all |
//! | fenced | bool | all |
//! | in controlled shutdown | bool | 1 and later |
//! | log dirs | array of uuid, tag 0 | 3 and later |
//! | cordoned log dirs | array of uuid or null, tag 1 | 4 and later |

use crate::ids::BrokerId;
use crate::wire::{Reader, Wire, WireError, Writer, wire_fields};

/// A broker, as it registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBrokerRecord {
    /// The broker.
    pub broker_id: BrokerId,
    /// Whether it was on its way from ZooKeeper; always false since Kafka 4.0.
    pub is_migrating_zk_broker: bool,
    /// The process that registered.
    pub incarnation_id: [u8; 16],
    /// The registration: what the broker says under an earlier one does not count.
    pub broker_epoch: i64,
    /// Where it is reached.
    pub end_points: Vec<Endpoint>,
    /// The features that it supports.
    pub features: Vec<SupportedFeature>,
    /// Its rack.
    pub rack: Option<String>,
    /// Whether it may not lead yet, nor be in sync.
    pub fenced: bool,
    /// Whether it is handing its partitions over before it stops.
    pub in_controlled_shutdown: bool,
    /// Its log directories that work.
    pub log_dirs: Vec<[u8; 16]>,
    /// Those of them that get no new partitions (KIP-1066); `None` until the broker has said.
    pub cordoned_log_dirs: Option<Vec<[u8; 16]>>,
}

impl Wire for RegisterBrokerRecord {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut record = Self {
            broker_id: reader.read()?,
            is_migrating_zk_broker: reader.read_since(2, false)?,
            incarnation_id: reader.read()?,
            broker_epoch: reader.read()?,
            end_points: reader.read()?,
            features: reader.read()?,
            rack: reader.read()?,
            fenced: reader.read()?,
            in_controlled_shutdown: reader.read_since(1, false)?,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        };
        reader.read_tags(|tag, field| {
            match tag {
                0 => record.log_dirs = field.read()?,
                1 => record.cordoned_log_dirs = field.read()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.broker_id);
        writer.write_since(2, &self.is_migrating_zk_broker);
        writer.write(&self.incarnation_id);
        writer.write(&self.broker_epoch);
        writer.write(&self.end_points);
        writer.write(&self.features);
        writer.write(&self.rack);
        writer.write(&self.fenced);
        writer.write_since(1, &self.in_controlled_shutdown);
        writer.write_tags(|tags| {
            tags.field(0, &self.log_dirs, &Vec::new());
            tags.field(1, &self.cordoned_log_dirs, &None);
        });
    }
}

/// Where a broker or a controller listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    /// The host as clients reach it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How connections are secured, by Kafka's number (`SecurityProtocol`): 0 is PLAINTEXT.
    pub security_protocol: i16,
}
wire_fields!(Endpoint { name, host, port, security_protocol });

/// The levels of a feature that a node supports, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportedFeature {
    /// The feature.
    pub name: String,
    /// The lowest level.
    pub min_supported_version: i16,
    /// The highest level.
    pub max_supported_version: i16,
}
wire_fields!(SupportedFeature { name, min_supported_version, max_supported_version });

/// The end of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnregisterBrokerRecord {
    /// The broker.
    pub broker_id: BrokerId,
    /// The registration.
    pub broker_epoch: i64,
}
wire_fields!(UnregisterBrokerRecord { broker_id, broker_epoch });

/// The fencing of a broker, as early versions of Kafka wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceBrokerRecord {
    /// The broker.
    pub id: BrokerId,
    /// The registration.
    pub epoch: i64,
}
wire_fields!(FenceBrokerRecord { id, epoch });

/// The end of the fencing of a broker, as early versions of Kafka wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfenceBrokerRecord {
    /// The broker.
    pub id: BrokerId,
    /// The registration.
    pub epoch: i64,
}
wire_fields!(UnfenceBrokerRecord { id, epoch });

/// What is another about a broker than it was. All but the first two fields are tagged, with the tags 0 to 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistrationChangeRecord {
    /// The broker.
    pub broker_id: BrokerId,
    /// The registration.
    pub broker_epoch: i64,
    /// 1 if it is fenced now, -1 if it no longer is, 0 for no change.
    pub fenced: i8,
    /// 1 if it is shutting down now, 0 for no change.
    pub in_controlled_shutdown: i8,
    /// Its log directories that work; none for no change.
    pub log_dirs: Vec<[u8; 16]>,
    /// Those of them that get no new partitions; `None` for no change.
    pub cordoned_log_dirs: Option<Vec<[u8; 16]>>,
}

impl BrokerRegistrationChangeRecord {
    /// The first version that has what is changed: Kafka writes each kind of change in the version that brought it.
    pub(super) const fn least_version(&self) -> i16 {
        if self.cordoned_log_dirs.is_some() {
            3
        } else if !self.log_dirs.is_empty() {
            2
        } else if self.in_controlled_shutdown != 0 {
            1
        } else {
            0
        }
    }
}

impl Wire for BrokerRegistrationChangeRecord {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut record = Self {
            broker_id: reader.read()?,
            broker_epoch: reader.read()?,
            fenced: 0,
            in_controlled_shutdown: 0,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        };
        reader.read_tags(|tag, field| {
            match tag {
                0 => record.fenced = field.read()?,
                1 => record.in_controlled_shutdown = field.read()?,
                2 => record.log_dirs = field.read()?,
                3 => record.cordoned_log_dirs = field.read()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.broker_id);
        writer.write(&self.broker_epoch);
        writer.write_tags(|tags| {
            tags.field(0, &self.fenced, &0);
            tags.field(1, &self.in_controlled_shutdown, &0);
            tags.field(2, &self.log_dirs, &Vec::new());
            tags.field(3, &self.cordoned_log_dirs, &None);
        });
    }
}

/// A controller, as it registered (KIP-919).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterControllerRecord {
    /// The controller.
    pub controller_id: BrokerId,
    /// The process that registered.
    pub incarnation_id: [u8; 16],
    /// Whether it could read ZooKeeper; always false since Kafka 4.0.
    pub zk_migration_ready: bool,
    /// Where it is reached.
    pub end_points: Vec<Endpoint>,
    /// The features that it supports.
    pub features: Vec<SupportedFeature>,
}
wire_fields!(RegisterControllerRecord {
    controller_id,
    incarnation_id,
    zk_migration_ready,
    end_points,
    features,
});
