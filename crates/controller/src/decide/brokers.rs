//! Brokers come, fall silent, come back and go, and with them the leaders of partitions.

use std::collections::BTreeMap;

use protocol::internal::metadata::{
    BrokerRegistrationChangeRecord, Endpoint, MetadataRecord, UnregisterBrokerRecord,
};
use protocol::{BrokerId, ErrorCode};
use storage::files::meta_properties::DirectoryId;

use super::partition_change::changes;
use super::{ApiError, Cluster, Decision, features};
use crate::image::{Broker, Partition, VersionRange, is_reserved_dir};

/// A broker that registers.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The broker.
    pub id: BrokerId,
    /// The cluster that it takes this one for.
    pub cluster_id: String,
    /// The process, by an id that it drew at its start.
    pub incarnation_id: [u8; 16],
    /// Where it is reached.
    pub endpoints: Vec<Endpoint>,
    /// The feature levels that it supports.
    pub features: BTreeMap<String, VersionRange>,
    /// Its rack.
    pub rack: Option<String>,
    /// Its log directories.
    pub log_dirs: Vec<DirectoryId>,
    /// The epoch of its registration before this one, if it was shut down cleanly since; -1 if not.
    pub previous_epoch: i64,
    /// The epoch that it gets: an offset of the metadata log that no registration has had.
    pub new_epoch: i64,
    /// Whether the broker that is registered under this id has been heard of lately.
    pub is_in_use: bool,
}

/// Registers a broker, fenced; answered with its epoch. Of its former incarnation, partitions keep nothing: it is taken
/// out of their ISR, and where it was the last, it leads again only after it is unfenced.
pub fn register_broker(
    cluster: &Cluster<'_>,
    request: &Registration,
) -> Decision<Result<i64, ApiError>> {
    Decision::from_result(register(cluster, request))
}

fn register(
    cluster: &Cluster<'_>,
    request: &Registration,
) -> Result<(Vec<MetadataRecord>, i64), ApiError> {
    check_identity(cluster, request)?;
    check_dirs(cluster, request)?;
    features::check_support(cluster.image, request.id, &request.features)?;
    let before = cluster.image.broker(request.id);
    let mut broker = Broker {
        id: request.id,
        epoch: request.new_epoch,
        incarnation_id: request.incarnation_id,
        endpoints: request.endpoints.clone(),
        features: request.features.clone(),
        rack: request.rack.clone(),
        is_fenced: true,
        in_controlled_shutdown: false,
        log_dirs: request.log_dirs.clone(),
        cordoned_log_dirs: None,
    };
    let mut records = Vec::new();
    match before {
        Some(before) if before.incarnation_id == request.incarnation_id => {
            broker.epoch = before.epoch;
            broker.is_fenced = before.is_fenced;
            broker.in_controlled_shutdown = before.in_controlled_shutdown;
        }
        Some(before) if before.epoch == request.previous_epoch => {
            records.extend(without_leader(cluster, request.id));
        }
        _ => records.extend(without_lost(cluster, request.id)),
    }
    let epoch = broker.epoch;
    // As in Kafka the registration comes last: the changes before it are those of the former one's end.
    records.push(MetadataRecord::RegisterBroker(broker.to_record()));
    Ok((records, epoch))
}

fn check_identity(cluster: &Cluster<'_>, request: &Registration) -> Result<(), ApiError> {
    if request.cluster_id != cluster.image.cluster_id() {
        let message = format!(
            "broker {} belongs to cluster {}, and this is cluster {}",
            request.id,
            request.cluster_id,
            cluster.image.cluster_id()
        );
        return Err(ApiError::new(ErrorCode::InconsistentClusterId, message));
    }
    let before = cluster.image.broker(request.id);
    let is_other = before.is_some_and(|before| before.incarnation_id != request.incarnation_id);
    if is_other && request.is_in_use {
        let message = format!(
            "another process is registered as broker {}; if that was this one before a restart, it is forgotten when \
             its session ends",
            request.id
        );
        return Err(ApiError::new(ErrorCode::DuplicateBrokerRegistration, message));
    }
    Ok(())
}

fn check_dirs(cluster: &Cluster<'_>, request: &Registration) -> Result<(), ApiError> {
    let refuse = |message| Err(ApiError::new(ErrorCode::InvalidRegistration, message));
    if request.log_dirs.is_empty() {
        return refuse(format!("broker {} names no log directory", request.id));
    }
    for (idx, dir) in request.log_dirs.iter().enumerate() {
        if is_reserved_dir(*dir) {
            return refuse(format!("log directory {dir} has an id that is reserved"));
        }
        if request.log_dirs.iter().skip(idx + 1).any(|other| other == dir) {
            return refuse(format!("log directory {dir} is named twice"));
        }
        let mut others = cluster.image.brokers().filter(|broker| broker.id != request.id);
        if let Some(owner) = others.find(|broker| broker.log_dirs.contains(dir)) {
            return refuse(format!(
                "log directory {dir} is registered as one of broker {}",
                owner.id
            ));
        }
    }
    Ok(())
}

/// Fences a broker that has fallen silent or is stopping: it leads nothing and is in no ISR any more.
pub fn fence_broker(cluster: &Cluster<'_>, id: BrokerId) -> Decision<Result<(), ApiError>> {
    let result = registered(cluster, id).map(|broker| {
        let mut records = without_leader(cluster, id);
        records.push(registration_change(broker, |change| change.fenced = 1));
        (records, ())
    });
    Decision::from_result(result)
}

/// Unfences a broker that has caught up: it leads what has waited for it.
pub fn unfence_broker(
    cluster: &Cluster<'_>,
    id: BrokerId,
    epoch: i64,
) -> Decision<Result<(), ApiError>> {
    let result = check_epoch(cluster, id, epoch).map(|broker| {
        let mut records = vec![registration_change(broker, |change| change.fenced = -1)];
        let is_staying = !broker.in_controlled_shutdown;
        let may_lead = |other| other == id && is_staying || cluster.is_active(other);
        let is_leaderless = |partition: &Partition| partition.leader.is_none();
        let led = changes(cluster, &may_lead, is_leaderless, |_| ());
        records.extend(led.into_iter().map(MetadataRecord::PartitionChange));
        (records, ())
    });
    Decision::from_result(result)
}

/// Takes the leadership from a broker that wants to stop, and takes it out of the ISRs.
pub fn begin_controlled_shutdown(
    cluster: &Cluster<'_>,
    id: BrokerId,
    epoch: i64,
) -> Decision<Result<(), ApiError>> {
    let result = check_epoch(cluster, id, epoch).map(|broker| {
        let mut records = Vec::new();
        if !broker.in_controlled_shutdown {
            records.push(registration_change(broker, |change| change.in_controlled_shutdown = 1));
        }
        records.extend(without_leader(cluster, id));
        (records, ())
    });
    Decision::from_result(result)
}

/// Forgets a broker that will not come back.
pub fn unregister_broker(cluster: &Cluster<'_>, id: BrokerId) -> Decision<Result<(), ApiError>> {
    let result = registered(cluster, id).map(|broker| {
        let mut records = without_lost(cluster, id);
        let record = UnregisterBrokerRecord { broker_id: id, broker_epoch: broker.epoch };
        records.push(MetadataRecord::UnregisterBroker(record));
        (records, ())
    });
    Decision::from_result(result)
}

/// The broker of a registration that still holds.
pub(super) fn check_epoch<'a>(
    cluster: &Cluster<'a>,
    id: BrokerId,
    epoch: i64,
) -> Result<&'a Broker, ApiError> {
    let message = match cluster.image.broker(id) {
        Some(broker) if broker.epoch == epoch => return Ok(broker),
        Some(broker) => {
            format!("broker {id} has epoch {}, and the request epoch {epoch}", broker.epoch)
        }
        None => format!("broker {id} is not registered"),
    };
    Err(ApiError::new(ErrorCode::StaleBrokerEpoch, message))
}

fn registered<'a>(cluster: &Cluster<'a>, id: BrokerId) -> Result<&'a Broker, ApiError> {
    cluster.image.broker(id).map(|broker| &**broker).ok_or_else(|| {
        let message = format!("broker {id} is not registered");
        ApiError::new(ErrorCode::BrokerIdNotRegistered, message)
    })
}

fn registration_change(
    broker: &Broker,
    set: impl FnOnce(&mut BrokerRegistrationChangeRecord),
) -> MetadataRecord {
    let mut record = BrokerRegistrationChangeRecord {
        broker_id: broker.id,
        broker_epoch: broker.epoch,
        fenced: 0,
        in_controlled_shutdown: 0,
        log_dirs: Vec::new(),
        cordoned_log_dirs: None,
    };
    set(&mut record);
    MetadataRecord::BrokerRegistrationChange(record)
}

/// Takes a broker that stopped in order out of all ISRs; it keeps its place among the eligible leaders.
fn without_leader(cluster: &Cluster<'_>, id: BrokerId) -> Vec<MetadataRecord> {
    let may_lead = |other| other != id && cluster.is_active(other);
    let is_concerned = |partition: &Partition| partition.isr.contains(&id);
    let changed = changes(cluster, &may_lead, is_concerned, |change| {
        change.isr.retain(|replica| *replica != id);
    });
    changed.into_iter().map(MetadataRecord::PartitionChange).collect()
}

/// Takes a broker that may have lost its newest records out of all ISRs and from among the eligible leaders.
fn without_lost(cluster: &Cluster<'_>, id: BrokerId) -> Vec<MetadataRecord> {
    if !cluster.is_elr_enabled() {
        return without_leader(cluster, id);
    }
    let may_lead = |other| other != id && cluster.is_active(other);
    let is_concerned =
        |partition: &Partition| partition.isr.contains(&id) || partition.elr.contains(&id);
    let changed = changes(cluster, &may_lead, is_concerned, |change| {
        change.isr.retain(|replica| *replica != id);
        change.lost_replica = Some(id);
    });
    changed.into_iter().map(MetadataRecord::PartitionChange).collect()
}
