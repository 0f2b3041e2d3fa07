//! What consumers say and are told. Heartbeats: `a: beat g epoch=0 topics=t1,t2`, where the member is `a` if it is not said.

use bytes::Bytes;
use protocol::PartitionId;
use protocol::messages::ConsumerGroupHeartbeatRequest;
use protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use protocol::wire::{Reader, Writer};
use uuid::Uuid;

use super::command::Command;
use crate::wire;

/// A member that joins says all that it must, unless the script says it.
pub(super) fn heartbeat(command: &Command<'_>) -> ConsumerGroupHeartbeatRequest {
    let epoch = command.get_number("epoch", 0);
    let joins = epoch == 0;
    let text = |key| command.get(key).map(wire);
    let names = command.get("topics").map(|_| command.list("topics"));
    let names = names.map(|names| names.into_iter().map(|name| wire(name).into()).collect());
    let owned = command.get("owned").or_else(|| joins.then_some(""));
    let owned = owned.filter(|owned| *owned != "null").map(partitions);
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(wire(command.words().first().unwrap_or(&"")).into())
        .with_member_id(wire(command.get("member").unwrap_or(command.label)))
        .with_member_epoch(epoch)
        .with_instance_id(text("instance"))
        .with_rack_id(text("rack"))
        .with_rebalance_timeout_ms(command.get_number("rebalance", if joins { 60_000 } else { -1 }))
        .with_subscribed_topic_names(names)
        .with_subscribed_topic_regex(text("regex"))
        .with_server_assignor(text("assignor"))
        .with_topic_partitions(owned)
}

/// `1:0,1;2:0` for partitions 0 and 1 of topic t1 and partition 0 of topic t2.
fn partitions(text: &str) -> Vec<TopicPartitions> {
    let topics = text.split(';').filter(|topic| !topic.is_empty()).map(|topic| {
        let (number, partitions) = topic.split_once(':').unwrap();
        let partitions = partitions.split(',').map(|partition| partition.parse().unwrap());
        TopicPartitions::default()
            .with_topic_id(Uuid::from_bytes([number.parse().unwrap(); 16]))
            .with_partitions(partitions.collect())
    });
    topics.collect()
}

/// `t1.0.1+t2.0`, as consumers of the classic protocol write it.
fn write_partitions(text: &str, writer: &mut Writer) {
    let topics: Vec<_> = text.split('+').filter(|topic| !topic.is_empty()).collect();
    writer.write(&i32::try_from(topics.len()).unwrap());
    for topic in topics {
        let (name, partitions) = topic.split_once('.').unwrap();
        let partitions = partitions.split('.').map(|partition| partition.parse().unwrap());
        writer.write(&name.to_owned());
        writer.write(&partitions.collect::<Vec<i32>>());
    }
}

/// What a classic leader assigns.
pub(super) fn assignment(partitions: &str) -> Bytes {
    let mut writer = Writer::new(0, false);
    writer.write(&0i16);
    write_partitions(partitions, &mut writer);
    writer.write(&None::<Bytes>);
    writer.finish().unwrap().into()
}

/// What a classic consumer subscribes to that has partitions: version 1.
pub(super) fn subscription(topics: &str, owned: &str) -> Bytes {
    let topics: Vec<_> = topics.split('+').map(str::to_owned).collect();
    let mut writer = Writer::new(1, false);
    writer.write(&1i16);
    writer.write(&topics);
    writer.write(&None::<Bytes>);
    write_partitions(owned, &mut writer);
    writer.finish().unwrap().into()
}

/// What a classic consumer is assigned, as [`assignment`] has it; none if the bytes are something else.
pub(super) fn read_assignment(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes, 0, false);
    let (_, count) = (reader.read::<i16>().ok()?, reader.read::<i32>().ok()?);
    let mut topics = Vec::new();
    for _ in 0..count {
        let name: String = reader.read().ok()?;
        let partitions: Vec<i32> = reader.read().ok()?;
        let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
        topics.push(format!("{name}.{}", partitions.join(".")));
    }
    reader.read::<Option<Bytes>>().ok()?;
    reader.finish().ok()?;
    Some(topics.join("+"))
}

/// `t1:0,1 t2:0`.
pub(super) fn show(topic: &[u8; 16], partitions: impl IntoIterator<Item = PartitionId>) -> String {
    let partitions: Vec<_> = partitions.into_iter().map(|it| it.0.to_string()).collect();
    format!("t{}:{}", topic[0], partitions.join(","))
}
