//! What producers have sent and been told, what consumers have seen, and whether both can be true together.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Producer;
use super::partition::Value;

/// What a producer knows of the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing: it may have been committed, or not.
    Unknown,
    Committed,
    Aborted,
}

#[derive(Debug)]
struct Transaction {
    transactional_id: usize,
    acknowledged: BTreeSet<Value>,
    /// The offset that it commits, and whether that has been acknowledged.
    offset: Option<(i64, bool)>,
    end: End,
}

/// How many transactions have ended, as far as their producers know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) committed: u64,
    pub(super) aborted: u64,
}

/// Everything that is known from the outside.
#[derive(Debug, Default)]
pub(super) struct History {
    transactions: Vec<Transaction>,
    /// Of each value its transaction and its partition.
    values: Vec<(usize, usize)>,
    /// The newest producer that each transactional id has been given.
    newest: BTreeMap<usize, Producer>,
    /// What consumers have read of each partition, in their order.
    seen: BTreeMap<usize, Vec<Value>>,
}

impl History {
    pub(super) fn begin(&mut self, transactional_id: usize) -> usize {
        self.transactions.push(Transaction {
            transactional_id,
            acknowledged: BTreeSet::new(),
            offset: None,
            end: End::Unknown,
        });
        self.transactions.len() - 1
    }

    /// A new value, on its way to a partition.
    pub(super) fn send(&mut self, transaction: usize, partition: usize) -> Value {
        self.values.push((transaction, partition));
        Value::try_from(self.values.len() - 1).expect("the history is short")
    }

    /// A new offset, greater than all before.
    pub(super) fn send_offset(&mut self, transaction: usize) -> i64 {
        let offset = i64::try_from(transaction).expect("the history is short") + 1;
        self.transactions[transaction].offset = Some((offset, false));
        offset
    }

    pub(super) fn acknowledge(&mut self, transaction: usize, value: Value) {
        self.transactions[transaction].acknowledged.insert(value);
    }

    pub(super) fn acknowledge_offset(&mut self, transaction: usize) {
        if let Some((_, is_acknowledged)) = &mut self.transactions[transaction].offset {
            *is_acknowledged = true;
        }
    }

    pub(super) fn end(&mut self, transaction: usize, end: End) {
        self.transactions[transaction].end = end;
    }

    /// A producer is told that it is the one of its transactional id.
    pub(super) fn initialize(&mut self, transactional_id: usize, producer: Producer) {
        let newest = self.newest.entry(transactional_id).or_insert(producer);
        *newest = producer.max(*newest);
    }

    /// A producer writes. Producer ids grow, so an older one is below.
    pub(super) fn write(&self, transactional_id: usize, producer: Producer) -> Result<(), String> {
        match self.newest.get(&transactional_id) {
            Some(newest) if producer < *newest => {
                Err(format!("the zombie {producer:?} has written after {newest:?} began"))
            }
            _ => Ok(()),
        }
    }

    /// A consumer of committed records has read on.
    pub(super) fn see(&mut self, partition: usize, values: &[Value]) {
        self.seen.entry(partition).or_default().extend(values);
    }

    /// Compares with what the logs hold when all has come to rest: the committed values of each partition, and the
    /// offset of each transactional id's group.
    pub(super) fn check(&self, logs: &[Vec<Value>], offsets: &[i64]) -> Result<Counts, String> {
        let mut visible: BTreeMap<usize, BTreeSet<Value>> = BTreeMap::new();
        for (partition, values) in logs.iter().enumerate() {
            self.check_polls(partition, values)?;
            for value in values {
                let (transaction, _) = self.values[*value as usize];
                if !visible.entry(transaction).or_default().insert(*value) {
                    return Err(format!("value {value} is there twice"));
                }
            }
        }
        let mut counts = Counts::default();
        for (number, transaction) in self.transactions.iter().enumerate() {
            let seen = visible.remove(&number).unwrap_or_default();
            transaction.check(&seen).map_err(|violation| {
                format!("transaction {number} {violation}: {transaction:?}, and {seen:?} is there")
            })?;
            counts.committed += u64::from(transaction.end == End::Committed);
            counts.aborted += u64::from(transaction.end == End::Aborted);
        }
        offsets.iter().enumerate().try_for_each(|(id, offset)| self.check_offset(id, *offset))?;
        Ok(counts)
    }

    /// Polls, one behind the other, give what one reader finds in the end, each value in the order it was sent in.
    fn check_polls(&self, partition: usize, values: &[Value]) -> Result<(), String> {
        let polled = self.seen.get(&partition).map_or(&[][..], Vec::as_slice);
        if polled != values {
            return Err(format!("partition {partition}: polls gave {polled:?}, not {values:?}"));
        }
        let mut last: BTreeMap<usize, Value> = BTreeMap::new();
        for value in values {
            let (transaction, _) = self.values[*value as usize];
            if last.insert(transaction, *value).is_some_and(|before| before > *value) {
                return Err(format!(
                    "partition {partition}: {value} is out of order in {values:?}"
                ));
            }
        }
        Ok(())
    }

    /// The offset of a group is that of its last transaction that was committed.
    fn check_offset(&self, transactional_id: usize, offset: i64) -> Result<(), String> {
        let ours = self.transactions.iter().filter(|it| it.transactional_id == transactional_id);
        let mut at_least = -1;
        for transaction in ours {
            let Some((committed, is_acknowledged)) = transaction.offset else { continue };
            if transaction.end == End::Committed && is_acknowledged {
                at_least = committed;
            }
            if transaction.end == End::Aborted && committed == offset {
                return Err(format!("offset {offset} was aborted"));
            }
        }
        if offset < at_least {
            return Err(format!("offset {offset} is there, and {at_least} was committed"));
        }
        Ok(())
    }
}

impl Transaction {
    fn check(&self, seen: &BTreeSet<Value>) -> Result<(), &'static str> {
        let is_whole = self.acknowledged.is_subset(seen);
        match self.end {
            End::Committed if !is_whole => Err("was committed and has lost writes"),
            End::Aborted if !seen.is_empty() => Err("was aborted and is read"),
            End::Unknown if !seen.is_empty() && !is_whole => Err("is torn"),
            _ => Ok(()),
        }
    }
}
