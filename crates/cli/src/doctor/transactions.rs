//! Whether a transaction holds up those who read committed records: one that hangs, which no coordinator knows and so
//! nobody will end, or one that is open for longer than it may be.

use std::collections::BTreeMap;

use client::{Client, Error, Metadata, OffsetSpec};
use protocol::messages::{ListGroupsRequest, OffsetFetchRequest, OffsetFetchRequestGroup};
use protocol::{ErrorCode, Offset, Timestamp, TopicPartition};

use super::Finding;
use super::partitions::names;
use crate::group::{Group, Member, describe, list};
use crate::moment::{now, show_moment};
use crate::txn::{Known, OpenTransaction, of_producers, open_in};

const CHECK: &str = "transactions";

/// Where groups keep their offsets. Whoever wants to go on from those of an open transaction has to wait for its end.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The coordinator looks for transactions that take too long every ten seconds, if it is not told otherwise.
const GRACE_MS: i64 = 20_000;

pub(super) async fn check(client: &Client, metadata: &Metadata) -> Vec<Finding> {
    look(client, metadata).await.unwrap_or_else(|err| match err {
        Error::Unsupported { .. } => {
            vec![Finding::ok(CHECK, format!("they are not told of: {err}"))]
        }
        err => {
            let what = format!("they cannot be looked at: {err}");
            vec![Finding::warn(CHECK, what, "look again when every broker is there")]
        }
    })
}

async fn look(client: &Client, metadata: &Metadata) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let mut open_count = 0;
    let mut groups = None;
    for (partition, stable) in held_up(client, metadata).await? {
        for open in open_in(client, &partition).await? {
            open_count += 1;
            let known = of_producers(client, [open.producer_id]).await?;
            let is_live = |it: &&Known| it.is_live() && it.partitions.contains(&partition);
            if let Some(live) = known.iter().find(is_live) {
                findings.extend(judge_live(live, &partition, now()));
            } else if open_in(client, &partition).await?.contains(&open) {
                // It has not come to its end between the two looks.
                if groups.is_none() {
                    groups = Some(list(client, ListGroupsRequest::default()).await?);
                }
                let groups = groups.as_deref().unwrap_or_default();
                let blocked = blocked(client, groups, &partition, stable).await?;
                findings.push(hanging(&partition, &open, &blocked));
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            CHECK,
            format!("none hangs, and of {open_count} open ones none is late"),
        ));
    }
    Ok(findings)
}

/// The partitions in which transactions are open, each with the offset up to which committed records can be read.
async fn held_up(
    client: &Client,
    metadata: &Metadata,
) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
    let led: Vec<_> = metadata
        .topics
        .iter()
        .flat_map(|(name, topic)| {
            let led = topic.partitions.iter().filter(|partition| partition.leader.is_some());
            led.map(|partition| TopicPartition::new(name.as_str(), partition.id))
        })
        .collect();
    let wanted = || led.iter().map(|partition| (partition.clone(), OffsetSpec::Latest));
    // In this order: what is written in between makes no partition look held up.
    let ends = client.list_offsets(wanted(), false).await?;
    let mut stable = client.list_offsets(wanted(), true).await?;
    stable.retain(|partition, offset| ends.get(partition).is_some_and(|end| *offset < *end));
    Ok(stable)
}

/// A transaction that its coordinator is to end, and has not.
fn judge_live(live: &Known, partition: &TopicPartition, now: Timestamp) -> Option<Finding> {
    let age_ms = live.age_ms(now)?;
    if age_ms < i64::from(live.timeout_ms) + GRACE_MS {
        return None;
    }
    let id = &live.transactional_id;
    let what = format!(
        "{partition}: the transaction of {id}, begun {} s ago with a time-out of {} s, is still {}",
        age_ms / 1000,
        live.timeout_ms / 1000,
        live.state
    );
    let advice = match live.is_ongoing() {
        true => format!("ottla txn abort {id}"),
        false => {
            format!("its marker is missing: see the log of its coordinator, {}", live.coordinator)
        }
    };
    Some(Finding::warn(CHECK, what, advice))
}

fn hanging(partition: &TopicPartition, open: &OpenTransaction, blocked: &[String]) -> Finding {
    let OpenTransaction { producer_id, producer_epoch, start, last_write, .. } = open;
    let blocks = match blocked.is_empty() {
        true => String::new(),
        false => format!("; it blocks {}", names(blocked)),
    };
    let written = show_moment(*last_write);
    Finding::fail(
        CHECK,
        format!(
            "{partition}: a transaction of producer {producer_id} (epoch {producer_epoch}) hangs at offset {start}: it was last \
             written to at {written}, and no coordinator knows it{blocks}"
        ),
        format!(
            "ottla txn abort --topic {} --partition {} --start-offset {start}",
            partition.topic, partition.partition
        ),
    )
}

/// The groups that wait for the end of a transaction in a partition, each with a member that does.
async fn blocked(
    client: &Client,
    groups: &[Group],
    partition: &TopicPartition,
    stable: Offset,
) -> Result<Vec<String>, Error> {
    let mut blocked = Vec::new();
    for Group { group, state, .. } in groups {
        let members = match state == "Empty" {
            true => Vec::new(),
            false => describe(client, group).await?.members,
        };
        let reader = if &*partition.topic == OFFSETS_TOPIC {
            has_unstable_offsets(client, group).await?.then(|| members.first())
        } else {
            let reader = members.iter().find(|member| member.partitions.contains(partition));
            match client.group_offsets(group).await?.get(partition) {
                // It reads records that are not committed as well.
                Some(committed) if *committed > stable => None,
                None if reader.is_none() => None,
                _ => Some(reader),
            }
        };
        let name = |reader: Option<&Member>| match reader {
            Some(reader) => format!("group {group} ({} at {})", reader.client_id, reader.host),
            None => format!("group {group}"),
        };
        blocked.extend(reader.map(name));
    }
    Ok(blocked)
}

/// True if whoever asks for the offsets of a group, to go on there, is told to wait.
async fn has_unstable_offsets(client: &Client, group: &str) -> Result<bool, Error> {
    let ask = |coordinator: client::Connection| async move {
        let group = OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            member_id: None,
            member_epoch: -1,
            topics: None,
        };
        let request = OffsetFetchRequest { groups: vec![group], require_stable: true };
        // Topics by name, which is of no matter here.
        let response = coordinator.call_in(8..=9, request).await?;
        let topics = response.groups.iter().flat_map(|group| &group.topics);
        let mut partitions = topics.flat_map(|topic| &topic.partitions);
        let unstable = ErrorCode::UnstableOffsetCommit.code();
        Ok(partitions.any(|partition| partition.error_code == unstable))
    };
    client.with_coordinator(group, ask).await
}

#[cfg(test)]
mod tests {
    use protocol::{PartitionId, ProducerEpoch, ProducerId};

    use super::super::Status;
    use super::*;

    fn judged(state: &str, age_ms: i64) -> Option<Finding> {
        let live = Known {
            transactional_id: "writer".to_owned(),
            coordinator: "kafka-1:9092".to_owned(),
            state: state.to_owned(),
            producer_id: ProducerId(7),
            producer_epoch: ProducerEpoch(0),
            timeout_ms: 60_000,
            start: Timestamp(1_000_000),
            partitions: Vec::new(),
        };
        let partition = TopicPartition::new("orders", PartitionId(3));
        judge_live(&live, &partition, Timestamp(1_000_000 + age_ms))
    }

    #[test]
    fn transaction_is_late_when_its_coordinator_should_have_ended_it() {
        assert!(judged("Ongoing", 79_999).is_none());
        let late = judged("Ongoing", 90_000).unwrap();
        assert_eq!(late.status, Status::Warn);
        assert!(late.what.contains("begun 90 s ago with a time-out of 60 s"), "{late:?}");
        assert_eq!(late.advice.as_deref(), Some("ottla txn abort writer"));
        let stuck = judged("PrepareCommit", 90_000).unwrap();
        assert!(stuck.advice.unwrap().contains("kafka-1:9092"));
    }
}
