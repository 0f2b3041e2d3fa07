//! Producer ids: handed out one by one from blocks that the controller allocates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
            Self::reserve(broker).await?;
        }
    }

    /// Makes sure that there is an id to be had.
    pub(crate) async fn reserve(broker: &Arc<Broker>) -> Result<(), ApiError> {
        if !broker.producer_ids.lock().is_empty() {
            return Ok(());
        }
        let (node_id, epoch) = (broker.node_id, broker.epoch());
        let allocated =
            broker.decide(move |cluster| allocate_producer_ids(cluster, node_id, epoch));
        broker.producer_ids.refill(allocated.await??);
        Ok(())
    }

    /// An id that nobody else has been given, if there is one at once.
    pub(crate) fn take(&self) -> Option<ProducerId> {
        self.lock().next().map(ProducerId)
    }

    fn lock(&self) -> MutexGuard<'_, std::ops::Range<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Two that found the block empty at once have both allocated one: the ids of the other are lost, as on a restart.
    fn refill(&self, block: ProducerIdBlock) {
        *self.lock() = block.first.0..block.first.0 + i64::from(block.size);
    }
}
