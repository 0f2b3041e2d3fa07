//! Topics that come into being without anybody having created them: because a client asked for them, or because the
//! broker keeps its own state in them (`AutoTopicCreationManager`).

use std::sync::Arc;

use controller::decide::{self, ApiError, Cluster, CreateTopics, NewTopic, check_topic_name};
use protocol::{ErrorCode, TopicId};
use uuid::Uuid;

use crate::broker::Broker;

/// The topics that only the broker itself writes to.
pub(crate) const INTERNAL: [&str; 2] = [CONSUMER_OFFSETS, TRANSACTION_STATE];
/// The topic of the groups and their offsets.
pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The topic of the transactions.
pub(crate) const TRANSACTION_STATE: &str = "__transaction_state";

impl Broker {
    /// Creates topics that a client has asked for. Who asked looks for itself which are there now.
    pub(crate) async fn auto_create(self: &Arc<Self>, mut names: Vec<String>) {
        names.retain(|name| check_topic_name(name).is_ok());
        for (name, result) in self.create(names).await {
            match result {
                Ok(()) => tracing::info!(topic = %name, "topic created: a client asked for it"),
                Err(ApiError { code: ErrorCode::TopicAlreadyExists, .. }) => {}
                Err(err) => {
                    tracing::warn!(topic = %name, %err, "cannot create a topic that a client asked for")
                }
            }
        }
    }

    /// Makes sure that one of the broker's own topics is there.
    pub(crate) async fn ensure_internal_topic(
        self: &Arc<Self>,
        name: &str,
    ) -> Result<(), ApiError> {
        if self.image.load().topic(name).is_some() {
            return Ok(());
        }
        match self.create(vec![name.to_owned()]).await.pop() {
            Some((_, Err(err))) if err.code != ErrorCode::TopicAlreadyExists => Err(err),
            _ => Ok(()),
        }
    }

    /// Creates topics as the settings of this broker have it.
    async fn create(self: &Arc<Self>, names: Vec<String>) -> Vec<(String, Result<(), ApiError>)> {
        let broker = Arc::clone(self);
        let asked = names.clone();
        let created = self.decide(move |cluster| {
            let topics = names.into_iter().map(|name| broker.new_topic(cluster, name)).collect();
            let request = CreateTopics { topics, validate_only: false, seed: random_seed() };
            decide::create_topics(cluster, &request)
        });
        match created.await {
            Ok(answers) => {
                answers.into_iter().map(|(name, result)| (name, result.map(drop))).collect()
            }
            Err(err) => asked.into_iter().map(|name| (name, Err(err.clone()))).collect(),
        }
    }

    fn new_topic(&self, cluster: &Cluster<'_>, name: String) -> NewTopic {
        let id = random_topic_id();
        match name.as_str() {
            CONSUMER_OFFSETS => {
                decide::consumer_offsets(cluster, id, &self.config.groups.offsets.topic)
            }
            TRANSACTION_STATE => {
                decide::transaction_state(cluster, id, &self.config.transactions.topic)
            }
            _ => NewTopic {
                name,
                id,
                partitions: -1,
                replication_factor: -1,
                assignments: Vec::new(),
                configs: Vec::new(),
            },
        }
    }
}

/// An id that no topic has had before. As in Kafka none begins with a dash, which command lines take for an option.
pub(crate) fn random_topic_id() -> TopicId {
    const DASH: u8 = 62;
    loop {
        let id = Uuid::new_v4().into_bytes();
        // In base64 the first character stands for the first six bits.
        if id.first().is_some_and(|byte| byte >> 2 != DASH) {
            return TopicId(id);
        }
    }
}

/// Where a decision begins to draw its random numbers.
pub(crate) fn random_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}
