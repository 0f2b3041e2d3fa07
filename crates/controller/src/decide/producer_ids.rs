//! AllocateProducerIds: brokers get producer ids by the block, so that not every producer costs a record.

use protocol::internal::metadata::{MetadataRecord, ProducerIdsRecord};
use protocol::{BrokerId, ErrorCode, ProducerId};

use super::{ApiError, Cluster, Decision, brokers};

/// How many ids a broker gets at a time (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
pub const PRODUCER_ID_BLOCK_SIZE: i32 = 1000;

/// Ids that a broker may give to producers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// The first of them.
    pub first: ProducerId,
    /// How many there are.
    pub size: i32,
}

/// Gives the broker of this registration the next block.
pub fn allocate_producer_ids(
    cluster: &Cluster<'_>,
    broker_id: BrokerId,
    broker_epoch: i64,
) -> Decision<Result<ProducerIdBlock, ApiError>> {
    Decision::from_result(next_block(cluster, broker_id, broker_epoch))
}

fn next_block(
    cluster: &Cluster<'_>,
    broker_id: BrokerId,
    broker_epoch: i64,
) -> Result<(Vec<MetadataRecord>, ProducerIdBlock), ApiError> {
    brokers::check_epoch(cluster, broker_id, broker_epoch)?;
    let first = cluster.image.next_producer_id();
    let Some(next) = first.0.checked_add(PRODUCER_ID_BLOCK_SIZE.into()) else {
        let message = "all producer ids have been given out";
        return Err(ApiError::new(ErrorCode::UnknownServerError, message));
    };
    let next_producer_id = ProducerId(next);
    let record = ProducerIdsRecord { broker_id, broker_epoch, next_producer_id };
    let block = ProducerIdBlock { first, size: PRODUCER_ID_BLOCK_SIZE };
    Ok((vec![MetadataRecord::ProducerIds(record)], block))
}
