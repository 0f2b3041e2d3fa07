//! DeleteTopics: by name or by id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::internal::metadata::{MetadataRecord, RemoveTopicRecord};
use protocol::{ErrorCode, TopicId};

use super::{ApiError, Cluster, Decision};
use crate::image::Topic;

/// A topic as a client names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicRef {
    /// By its name.
    Name(String),
    /// By its id.
    Id(TopicId),
}

/// What became of a topic that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// How the client named it.
    pub asked: TopicRef,
    /// Its name and id, if it was there.
    pub topic: Option<(Arc<str>, TopicId)>,
    /// Whether it is deleted.
    pub result: Result<(), ApiError>,
}

/// Decides what becomes of each topic; one that is named twice, in whichever way, is left alone. A name or an id that
/// comes twice is answered once.
pub fn delete_topics(cluster: &Cluster<'_>, topics: &[TopicRef]) -> Decision<Vec<DeletedTopic>> {
    let mut mentions = BTreeMap::new();
    for asked in topics {
        if let Some(topic) = find(cluster, asked) {
            *mentions.entry(topic.id).or_insert(0_usize) += 1;
        }
    }
    let (mut records, mut answer) = (Vec::new(), Vec::new());
    let mut answered = BTreeSet::new();
    for asked in topics.iter().filter(|asked| answered.insert(*asked)) {
        let found = find(cluster, asked);
        let result = match found {
            None => Err(ApiError::from(match asked {
                TopicRef::Name(_) => ErrorCode::UnknownTopicOrPartition,
                TopicRef::Id(_) => ErrorCode::UnknownTopicId,
            })),
            Some(topic) if mentions.get(&topic.id) != Some(&1) => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("topic `{}` is in the request more than once", topic.name),
            )),
            Some(topic) => {
                let record = RemoveTopicRecord { topic_id: topic.id };
                records.push(MetadataRecord::RemoveTopic(record));
                Ok(())
            }
        };
        let topic = found.map(|topic| (Arc::clone(&topic.name), topic.id));
        answer.push(DeletedTopic { asked: asked.clone(), topic, result });
    }
    Decision::new(records, answer)
}

fn find<'a>(cluster: &Cluster<'a>, asked: &TopicRef) -> Option<&'a Arc<Topic>> {
    match asked {
        TopicRef::Name(name) => cluster.image.topic(name),
        TopicRef::Id(id) => cluster.image.topic_by_id(*id),
    }
}
