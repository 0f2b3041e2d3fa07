//! Faults of the machines that the histories must show.

use coordinator::txn::TransactionState;
use protocol::internal::transaction::TransactionLogRecord;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// The epoch of a producer is not raised when another takes its place.
    DropFence,
    /// A marker is acknowledged and not written.
    SkipMarker,
    /// Readers of committed records are served up to the high watermark.
    ServePastLso,
    /// The coordinator forgets one partition of a transaction.
    ForgetPartition,
    /// A partition takes batches of an epoch that is over.
    AcceptOldEpoch,
    /// A batch is written again when it is sent again.
    AcceptDuplicate,
    /// A batch opens a transaction without the coordinator being asked.
    SkipVerification,
    /// Answers and markers do not wait until the log has committed what they rest on.
    AnswerTooSoon,
    /// Offsets of a group count as soon as they are written.
    ApplyOffsetsAtOnce,
}

impl Mutation {
    pub(super) const ALL: [Self; 9] = [
        Self::DropFence,
        Self::SkipMarker,
        Self::ServePastLso,
        Self::ForgetPartition,
        Self::AcceptOldEpoch,
        Self::AcceptDuplicate,
        Self::SkipVerification,
        Self::AnswerTooSoon,
        Self::ApplyOffsetsAtOnce,
    ];

    /// Breaks a record of the coordinator before it is in the log.
    pub(super) fn tamper(self, record: &mut TransactionLogRecord) {
        let Some(value) = &mut record.value else { return };
        let state = TransactionState::from_id(value.transaction_status);
        match (self, state) {
            (Self::DropFence, Some(TransactionState::Empty)) if value.producer_epoch.0 > 0 => {
                value.producer_epoch.0 -= 1;
            }
            (Self::ForgetPartition, Some(TransactionState::Ongoing)) => {
                let topics = value.transaction_partitions.iter_mut().flatten();
                if let Some(topic) = topics.last().filter(|topic| topic.partition_ids.len() > 1) {
                    topic.partition_ids.pop();
                }
            }
            _ => {}
        }
    }
}
