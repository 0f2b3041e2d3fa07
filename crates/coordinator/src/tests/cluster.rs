//! A cluster in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::GroupConfig;
use protocol::{Offset, TopicId};

use crate::{Cluster, Topic};

/// The topics of a test, and the settings of all groups.
#[derive(Clone, Debug)]
pub(super) struct TestCluster {
    topics: BTreeMap<Arc<str>, Topic>,
    version: i64,
    pub(super) config: GroupConfig,
}

impl Default for TestCluster {
    fn default() -> Self {
        let config = GroupConfig {
            consumer_session_timeout_ms: 45_000,
            consumer_heartbeat_interval_ms: 5_000,
            consumer_assignment_interval_ms: 0,
        };
        Self { topics: BTreeMap::new(), version: 0, config }
    }
}

impl TestCluster {
    /// Makes, changes, or for no partitions deletes a topic; true if it is new.
    pub(super) fn set(&mut self, name: &str, id: TopicId, partition_count: i32) -> bool {
        self.version += 1;
        let name: Arc<str> = name.into();
        if partition_count == 0 {
            self.topics.remove(&name);
            return false;
        }
        let topic = Topic { id, name: Arc::clone(&name), partition_count };
        self.topics.insert(name, topic).is_none()
    }
}

impl Cluster for TestCluster {
    fn version(&self) -> Offset {
        Offset(self.version)
    }

    fn topic(&self, name: &str) -> Option<Topic> {
        self.topics.get(name).cloned()
    }

    fn topic_by_id(&self, id: TopicId) -> Option<Topic> {
        self.topics.values().find(|topic| topic.id == id).cloned()
    }

    fn topic_names<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Arc<str>> + 'a> {
        Box::new(self.topics.keys())
    }

    fn racks(&self, _: TopicId) -> Vec<Vec<String>> {
        Vec::new()
    }

    fn group_config(&self, _: &str) -> GroupConfig {
        self.config.clone()
    }
}
