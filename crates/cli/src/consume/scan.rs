//! A walk over partitions from one place to another, or without an end.

use std::collections::BTreeMap;

use client::{Client, FetchOptions, Fetched, Fetcher};
use protocol::{Offset, TopicPartition};

use crate::Error;
use crate::position::{Position, resolve};

/// Partitions being read, and where each of them ends.
#[derive(Debug)]
pub(crate) struct Scan {
    client: Client,
    partitions: Vec<TopicPartition>,
    fetcher: Fetcher,
    read_committed: bool,
    /// The offset after the last record of each; none if it goes on for ever.
    ends: Option<BTreeMap<TopicPartition, Offset>>,
}

impl Scan {
    pub(crate) fn new(
        client: Client,
        partitions: Vec<TopicPartition>,
        options: FetchOptions,
    ) -> Self {
        let fetcher = Fetcher::new(client.clone(), options);
        let read_committed = options.read_committed;
        Self { client, partitions, fetcher, read_committed, ends: None }
    }

    /// Begins everywhere at this position.
    pub(crate) async fn begin(&mut self, position: Position) -> Result<(), Error> {
        let committed = self.read_committed;
        let starts = resolve(&self.client, &self.partitions, position, committed).await?;
        self.begin_at(starts);
        Ok(())
    }

    /// Begins at these offsets.
    pub(crate) fn begin_at(&mut self, starts: BTreeMap<TopicPartition, Offset>) {
        self.fetcher.clear();
        for (partition, offset) in starts {
            self.fetcher.seek(partition, offset);
        }
    }

    /// Ends everywhere at this position, as it is now.
    pub(crate) async fn end(&mut self, position: Position) -> Result<(), Error> {
        let committed = self.read_committed;
        self.ends = Some(resolve(&self.client, &self.partitions, position, committed).await?);
        Ok(())
    }

    /// Ends at these offsets.
    pub(crate) fn end_at(&mut self, ends: BTreeMap<TopicPartition, Offset>) {
        self.ends = Some(ends);
    }

    /// Where a partition ends.
    pub(crate) fn end_of(&self, partition: &TopicPartition) -> Offset {
        let end = self.ends.as_ref().and_then(|ends| ends.get(partition));
        end.copied().unwrap_or(Offset::MAX)
    }

    /// Where all partitions end, if they do.
    pub(crate) const fn ends(&self) -> Option<&BTreeMap<TopicPartition, Offset>> {
        self.ends.as_ref()
    }

    /// What is still read, and where.
    pub(crate) const fn positions(&self) -> &BTreeMap<TopicPartition, Offset> {
        self.fetcher.positions()
    }

    /// What has come, which may be nothing; none once all partitions are at their ends. Records at the end of a partition
    /// and beyond may be among it.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Fetched>>, Error> {
        let ended: Vec<_> = self
            .fetcher
            .positions()
            .iter()
            .filter(|(partition, position)| **position >= self.end_of(partition))
            .map(|(partition, _)| partition.clone())
            .collect();
        ended.iter().for_each(|partition| self.fetcher.remove(partition));
        if self.fetcher.positions().is_empty() && self.ends.is_some() {
            return Ok(None);
        }
        Ok(Some(self.fetcher.poll().await?))
    }
}
