//! The topics that brokers keep their own state in, as they are created when they are first needed
//! (`AutoTopicCreationManager`).

use config::InternalTopicConfig;
use protocol::TopicId;

use super::{Cluster, NewTopic};

/// `__consumer_offsets`: the groups and the offsets that they commit.
pub fn consumer_offsets(
    cluster: &Cluster<'_>,
    id: TopicId,
    config: &InternalTopicConfig,
) -> NewTopic {
    let compression = ("compression.type", "producer".to_owned());
    new_topic(cluster, "__consumer_offsets", id, config, vec![compression])
}

/// `__transaction_state`: the transactions.
pub fn transaction_state(
    cluster: &Cluster<'_>,
    id: TopicId,
    config: &InternalTopicConfig,
) -> NewTopic {
    let configs = vec![
        ("compression.type", "uncompressed".to_owned()),
        ("unclean.leader.election.enable", "false".to_owned()),
    ];
    new_topic(cluster, "__transaction_state", id, config, configs)
}

fn new_topic(
    cluster: &Cluster<'_>,
    name: &str,
    id: TopicId,
    config: &InternalTopicConfig,
    mut configs: Vec<(&str, String)>,
) -> NewTopic {
    configs.push(("cleanup.policy", "compact".to_owned()));
    configs.push(("segment.bytes", config.segment_bytes.to_string()));
    // A cluster of few brokers gives what it has; Kafka would leave its groups without a coordinator until there are
    // as many brokers as replicas.
    let brokers = cluster.image.brokers().filter(|broker| broker.is_active()).count();
    let brokers = i16::try_from(brokers).unwrap_or(i16::MAX).max(1);
    let replication_factor = config.replication_factor.min(brokers);
    if let Some(min_isr) = config.min_insync_replicas {
        let replicas = u32::from(replication_factor.cast_unsigned());
        configs.push(("min.insync.replicas", min_isr.min(replicas).to_string()));
    }
    let configs = configs.into_iter().map(|(key, value)| (key.to_owned(), Some(value)));
    NewTopic {
        name: name.to_owned(),
        id,
        partitions: i32::try_from(config.num_partitions).unwrap_or(i32::MAX),
        replication_factor,
        assignments: Vec::new(),
        configs: configs.collect(),
    }
}
