//! Producer ids: handed out one by one from blocks that the controller allocates.

use std::sync::{Arc, Mutex, PoisonError};

use controller::decide::{ApiError, ProducerIdBlock, allocate_producer_ids};
use protocol::ProducerId;

use crate::broker::Broker;

/// The rest of the current block.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds(Mutex<std::ops::Range<i64>>);

impl ProducerIds {
    /// An id that nobody else has been given.
    pub(crate) async fn next(broker: &Arc<Broker>) -> Result<ProducerId, ApiError> {
        loop {
            if let Some(id) = broker.producer_ids.take() {
                return Ok(id);
            }
            let (node_id, epoch) = (broker.node_id, broker.epoch());
            let allocated =
                broker.decide(move |cluster| allocate_producer_ids(cluster, node_id, epoch));
            broker.producer_ids.refill(allocated.await??);
        }
    }

    fn take(&self) -> Option<ProducerId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next().map(ProducerId)
    }

    /// Two that found the block empty at once have both allocated one: the ids of the other are lost, as on a restart.
    fn refill(&self, block: ProducerIdBlock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            block.first.0..block.first.0 + i64::from(block.size);
    }
}
