//! `ottla consume --group`: the records that a group gives to this member, committed once they are printed.

use std::collections::BTreeMap;
use std::time::Duration;

use client::{Client, Fetcher, GroupMember, GroupOptions, Heartbeat};
use protocol::{Offset, TopicPartition};
use tokio::time::Instant;

use super::Arguments;
use super::printer::Printer;
use crate::Error;
use crate::interrupt::Interrupt;
use crate::position::resolve;

/// A consumer that is killed holds up the others for so long.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);
const REBALANCE_TIMEOUT: Duration = Duration::from_secs(60);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);

/// A member at work.
struct Consumer<'a> {
    client: Client,
    arguments: &'a Arguments,
    member: GroupMember,
    fetcher: Fetcher,
    /// Where to stop in the partitions that are ours, if that is asked for.
    ends: Option<BTreeMap<TopicPartition, Offset>>,
    printer: Printer,
    interrupt: Interrupt,
}

pub(super) async fn run(
    client: Client,
    group_id: String,
    arguments: &Arguments,
    printer: Printer,
) -> Result<(), Error> {
    for topic in &arguments.topics {
        client.topic(topic).await?;
    }
    let options = GroupOptions {
        group_id,
        topics: arguments.topics.clone(),
        session_timeout: SESSION_TIMEOUT,
        rebalance_timeout: REBALANCE_TIMEOUT,
    };
    let interrupt = Interrupt::listen()?;
    let member = GroupMember::join(client.clone(), options).await?;
    let fetcher = Fetcher::new(client.clone(), arguments.fetch_options());
    let mut consumer =
        Consumer { client, arguments, member, fetcher, ends: None, printer, interrupt };
    let result = consumer.consume().await;
    // The others get our partitions at once, however this ended.
    let left = consumer.member.leave().await;
    result?;
    Ok(left?)
}

impl Consumer<'_> {
    async fn consume(&mut self) -> Result<(), Error> {
        self.begin().await?;
        let mut heartbeat = Instant::now();
        while !self.printer.is_done() && !self.is_at_end() {
            let fetched = tokio::select! {
                fetched = self.fetcher.poll() => fetched?,
                () = self.interrupt.come() => return Ok(()),
            };
            let mut progress = BTreeMap::new();
            for part in &fetched {
                let end = self.end_of(&part.partition);
                let next = self.printer.print(part, end)?;
                progress.insert(part.partition.clone(), next);
            }
            self.printer.flush()?;
            let mut state = Heartbeat::Stable;
            if !progress.is_empty() {
                state = self.member.commit(&progress).await?;
            }
            if state == Heartbeat::Stable && heartbeat.elapsed() >= HEARTBEAT_INTERVAL {
                state = self.member.heartbeat().await?;
                heartbeat = Instant::now();
            }
            if state == Heartbeat::Rejoin {
                self.member.rejoin().await?;
                self.begin().await?;
            }
        }
        Ok(())
    }

    /// Begins with the partitions that are ours, where the group has got to in each of them.
    async fn begin(&mut self) -> Result<(), Error> {
        let ours = self.member.assignment().to_vec();
        let group = self.arguments.group.as_deref().unwrap_or_default();
        let committed = self.client.group_offsets(group).await?;
        let is_new = |it: &&TopicPartition| !committed.contains_key(*it);
        let new: Vec<_> = ours.iter().filter(is_new).cloned().collect();
        let is_committed = self.arguments.read_committed;
        let mut starts = resolve(&self.client, &new, self.arguments.offset, is_committed).await?;
        starts.extend(
            ours.iter()
                .filter_map(|partition| Some((partition.clone(), *committed.get(partition)?))),
        );
        self.fetcher.clear();
        for (partition, offset) in starts {
            self.fetcher.seek(partition, offset);
        }
        if let Some(until) = self.arguments.until() {
            self.ends = Some(resolve(&self.client, &ours, until, is_committed).await?);
        }
        Ok(())
    }

    fn end_of(&self, partition: &TopicPartition) -> Offset {
        let end = self.ends.as_ref().and_then(|ends| ends.get(partition));
        end.copied().unwrap_or(Offset::MAX)
    }

    /// True if there is an end, and every partition of ours is there.
    fn is_at_end(&self) -> bool {
        let mut positions = self.fetcher.positions().iter();
        self.ends.is_some() && positions.all(|(partition, at)| *at >= self.end_of(partition))
    }
}
