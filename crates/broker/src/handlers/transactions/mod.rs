//! The APIs of the transaction coordinator, and WriteTxnMarkers and TxnOffsetCommit, which serve it.

mod add_partitions;
mod describe;
mod end_txn;
mod markers;
mod offsets;

use coordinator::txn::Answer;
use protocol::ErrorCode;
use tokio::sync::oneshot;

pub(super) use add_partitions::{add_offsets_to_txn, add_partitions_to_txn};
pub(super) use describe::{describe_transactions, list_transactions};
pub(super) use end_txn::end_txn;
pub(super) use markers::write_txn_markers;
pub(super) use offsets::txn_offset_commit;

/// What the coordinator answers, when it has been asked.
pub(super) async fn answer(asked: Result<oneshot::Receiver<Answer>, ErrorCode>) -> Answer {
    asked?.await.unwrap_or(Err(ErrorCode::NotCoordinator))
}

/// The answer as clients of a version know it: before `fenced_since` there is another error for a producer that is fenced.
pub(super) fn for_client(answer: Answer, version: i16, fenced_since: i16) -> Answer {
    match answer {
        Err(ErrorCode::ProducerFenced) if version < fenced_since => {
            Err(ErrorCode::InvalidProducerEpoch)
        }
        answer => answer,
    }
}
