//! Before the first records of a transaction go into a partition, the transaction coordinator is asked: to add the
//! partition, by clients of the second version (KIP-890), or whether the client has added it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use coordinator::txn::{Answer, Producer};
use protocol::messages::StrBytes;
use protocol::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::broker::Broker;

/// The version of transactions in which partitions are added when they are written to.
const SECOND_VERSION: i16 = 2;

/// What a client's version of a request means for its transactions.
#[derive(Debug, Clone, Copy)]
pub(in crate::handlers) struct Support {
    /// Partitions are added when they are written to.
    pub(in crate::handlers) adds: bool,
    /// The client knows the error that asks it to abort.
    pub(in crate::handlers) knows_abortable: bool,
}

/// A question to the transaction coordinator.
#[derive(Debug)]
pub(in crate::handlers) struct Inquiry {
    pub(in crate::handlers) transactional_id: StrBytes,
    pub(in crate::handlers) producer: (ProducerId, ProducerEpoch),
    pub(in crate::handlers) support: Support,
    /// The partitions that do not know of the transaction.
    pub(in crate::handlers) partitions: Vec<TopicPartition>,
}

/// The partitions that must not be written to, each with the error for the client.
pub(in crate::handlers) type Refused = HashMap<TopicPartition, ErrorCode>;

/// Answers on their way, each for some of the partitions.
type Asked = Vec<(Vec<TopicPartition>, oneshot::Receiver<Answer>)>;

impl Support {
    /// Whether the coordinator is asked at all (`transaction.partition.verification.enable`).
    pub(in crate::handlers) fn is_asked(self, broker: &Broker) -> bool {
        self.adds || broker.storage.config().transaction_partition_verification
    }

    /// The error as the client knows it (`AddPartitionsToTxnManager`).
    fn for_client(self, code: ErrorCode) -> ErrorCode {
        match code {
            ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
            ErrorCode::TransactionAbortable if !self.knows_abortable => ErrorCode::InvalidTxnState,
            code => code,
        }
    }
}

impl Inquiry {
    /// Asks, and returns the answer if it is there at once.
    pub(super) fn ask_now(&self, broker: &Broker) -> Option<Refused> {
        let mut refused = Refused::new();
        for (partitions, mut receiver) in self.send(broker).ok()? {
            self.note(&mut refused, partitions, receiver.try_recv().ok()?);
        }
        let must_wait = self.support.adds && is_concurrent(&refused);
        (!must_wait).then_some(refused)
    }

    /// Asks, and waits for the answer; while the transaction before is coming to its end, again: that costs less than to
    /// have the client send its records again.
    pub(in crate::handlers) async fn ask(&self, broker: &Arc<Broker>) -> Refused {
        let transactions = &broker.config.transactions;
        let backoff = Duration::from_millis(transactions.retry_backoff_ms);
        let deadline = Instant::now() + Duration::from_millis(transactions.retry_backoff_max_ms);
        loop {
            let refused = self.ask_once(broker).await;
            let may_wait = self.support.adds && Instant::now() < deadline;
            if !(may_wait && is_concurrent(&refused)) {
                return refused;
            }
            tokio::time::sleep(backoff).await;
        }
    }

    async fn ask_once(&self, broker: &Broker) -> Refused {
        let mut refused = Refused::new();
        let asked = match self.send(broker) {
            Ok(asked) => asked,
            Err(code) => {
                self.note(&mut refused, self.partitions.clone(), Err(code));
                return refused;
            }
        };
        for (partitions, receiver) in asked {
            let answer = receiver.await.unwrap_or(Err(ErrorCode::NotCoordinator));
            self.note(&mut refused, partitions, answer);
        }
        refused
    }

    fn send(&self, broker: &Broker) -> Result<Asked, ErrorCode> {
        let transactional_id = &*self.transactional_id;
        let (id, epoch) = self.producer;
        let from = Producer { transactional_id, id, epoch };
        if self.support.adds {
            let partitions: BTreeSet<_> = self.partitions.iter().cloned().collect();
            let added = broker.transactions.ask(transactional_id, |shard, turn, ticket| {
                shard.add_partitions(turn, ticket, from, &partitions, SECOND_VERSION);
            });
            return Ok(vec![(self.partitions.clone(), added?)]);
        }
        let verify = |partition: &TopicPartition| {
            let asked = broker.transactions.ask(transactional_id, |shard, turn, ticket| {
                shard.verify_partition(turn, ticket, from, partition);
            });
            Ok((vec![partition.clone()], asked?))
        };
        self.partitions.iter().map(verify).collect()
    }

    fn note(&self, refused: &mut Refused, partitions: Vec<TopicPartition>, answer: Answer) {
        if let Err(code) = answer {
            let code = self.support.for_client(code);
            refused.extend(partitions.into_iter().map(|partition| (partition, code)));
        }
    }
}

fn is_concurrent(refused: &Refused) -> bool {
    refused.values().any(|code| *code == ErrorCode::ConcurrentTransactions)
}
