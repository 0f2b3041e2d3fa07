//! DescribeTransactions and ListTransactions, which only look.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::{ProducerEpoch, ProducerId, Timestamp, TopicPartition};

use super::shard::Shard;
use super::state::TransactionState;

/// A transactional id as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The producer id.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// How far its transaction is.
    pub state: TransactionState,
    /// How long a transaction may take.
    pub timeout_ms: i32,
    /// When the transaction began.
    pub start: Timestamp,
    /// The partitions that it writes to.
    pub partitions: BTreeSet<TopicPartition>,
}

/// A transactional id in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The transactional id.
    pub transactional_id: Arc<str>,
    /// The producer id.
    pub producer_id: ProducerId,
    /// How far its transaction is.
    pub state: TransactionState,
}

/// Which ids to list.
#[derive(Default)]
pub struct Filter<'a> {
    /// Those of these producers, where some are named.
    pub producer_ids: Option<&'a BTreeSet<ProducerId>>,
    /// Those in one of these states, where some are named.
    pub states: Option<&'a BTreeSet<TransactionState>>,
    /// Those whose transaction began longer ago than this, whether it has ended or not, as in Kafka.
    pub longer_than_ms: Option<i64>,
    /// Those whose id this accepts.
    pub matches: Option<&'a dyn Fn(&str) -> bool>,
}

impl std::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").field("states", &self.states).finish_non_exhaustive()
    }
}

impl Shard {
    /// What is known of a transactional id.
    pub fn describe(&self, transactional_id: &str) -> Option<Described> {
        self.transaction(transactional_id).map(|known| Described {
            producer_id: known.producer_id,
            producer_epoch: known.epoch,
            state: known.state,
            timeout_ms: known.timeout_ms,
            start: known.start,
            partitions: known.partitions.clone(),
        })
    }

    /// The ids that a filter lets through.
    pub fn list(&self, filter: &Filter<'_>, now: Timestamp) -> Vec<Listed> {
        let listed = self.transactions().filter(|(id, known)| {
            let age_ms = now.0.saturating_sub(known.start.0);
            filter.producer_ids.is_none_or(|ids| ids.contains(&known.producer_id))
                && filter.states.is_none_or(|states| states.contains(&known.state))
                && filter.longer_than_ms.is_none_or(|longer_than_ms| age_ms > longer_than_ms)
                && filter.matches.is_none_or(|matches| matches(id))
        });
        let show = |(id, known): (&Arc<str>, &super::transaction::Transaction)| Listed {
            transactional_id: Arc::clone(id),
            producer_id: known.producer_id,
            state: known.state,
        };
        listed.map(show).collect()
    }
}
