//! Topics that come and go with a run.

use std::fs;
use std::time::Duration;

use protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use protocol::messages::{
    BrokerId, CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest, StrBytes, TopicName,
};

use crate::brokers::{Broker, wait_until};
use crate::wire::{Link, Result, check};

/// Thousands of partitions take Kafka some time.
const LIMIT: Duration = Duration::from_secs(120);
const LIMIT_MS: i32 = 120_000;
/// What the newest record is asked for with.
const LATEST: i64 = -1;

/// A topic's name in a message.
pub(crate) fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// Makes topics of the same kind, and waits until all their partitions are led. What is deleted of them goes at once.
pub(crate) fn create(
    broker: &Broker,
    topics: &[String],
    partitions: i32,
    settings: &[(&str, &str)],
) -> Result<()> {
    let mut link = Link::connect(broker.address())?;
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let settings = settings.iter().chain(&[("file.delete.delay.ms", "100")]).map(|(key, value)| {
        CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
    });
    let settings: Vec<_> = settings.collect();
    let creatable = |topic: &String| {
        CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(settings.clone())
    };
    let request = CreateTopicsRequest::default()
        .with_timeout_ms(LIMIT_MS)
        .with_topics(topics.iter().map(creatable).collect());
    for created in link.call(5, request)?.topics {
        check("creating a topic", created.error_code)?;
    }
    let mut last = Ok(());
    wait_until("a new topic", LIMIT, || {
        last = topics.iter().try_for_each(|topic| ends(broker, topic, partitions).map(|_| ()));
        last.is_ok()
    })
    .and(last)
}

/// The offsets after the last records of the partitions.
pub(crate) fn ends(broker: &Broker, topic: &str, partitions: i32) -> Result<Vec<i64>> {
    let wanted =
        |id| ListOffsetsPartition::default().with_partition_index(id).with_timestamp(LATEST);
    let topic = ListOffsetsTopic::default()
        .with_name(name(topic))
        .with_partitions((0..partitions).map(wanted).collect());
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = Link::connect(broker.address())?.call(5, request)?;
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    partitions
        .map(|partition| {
            check("the end of a partition", partition.error_code).map(|()| partition.offset)
        })
        .collect()
}

/// Deletes a topic, and waits until its files are gone: they are not to be written to the disk during the next run.
pub(crate) fn delete(broker: &Broker, topic: &str) -> Result<()> {
    let request = DeleteTopicsRequest::default()
        .with_timeout_ms(LIMIT_MS)
        .with_topic_names(vec![name(topic)]);
    for deleted in Link::connect(broker.address())?.call(4, request)?.responses {
        check("deleting a topic", deleted.error_code)?;
    }
    let prefix = format!("{topic}-");
    let data = broker.data();
    wait_until("the deletion of a topic", LIMIT, || {
        let names =
            fs::read_dir(&data).into_iter().flatten().flatten().map(|entry| entry.file_name());
        !names.into_iter().any(|name| name.to_string_lossy().starts_with(&prefix))
    })
}
