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

/// Decides what becomes of each topic; one that is named twice, in whichever way, is left alone. As in Kafka a name or an
/// id that comes twice is answered once, whether there is such a topic or not, and for a topic that comes by its name and
/// by its id the name is answered alone (`ControllerApis.deleteTopics`).
pub fn delete_topics(cluster: &Cluster<'_>, topics: &[TopicRef]) -> Decision<Vec<DeletedTopic>> {
    let mut mentions = BTreeMap::new();
    for asked in topics {
        *mentions.entry(asked).or_insert(0_usize) += 1;
    }
    let names = mentions.iter().filter(|(asked, count)| is_name(asked) && **count == 1);
    let named: BTreeSet<_> =
        names.filter_map(|(asked, _)| find(cluster, asked)).map(|topic| topic.id).collect();
    let (mut records, mut answer) = (Vec::new(), Vec::new());
    let mut answered = BTreeSet::new();
    for asked in topics.iter().filter(|asked| answered.insert(*asked)) {
        let is_twice = mentions.get(asked) != Some(&1);
        let found = find(cluster, asked).filter(|_| !is_twice);
        let by_id = found.is_some_and(|topic| mentions.contains_key(&TopicRef::Id(topic.id)));
        let result = match (asked, found) {
            _ if is_twice => refuse(asked),
            (TopicRef::Name(_), None) => Err(ErrorCode::UnknownTopicOrPartition.into()),
            (TopicRef::Id(_), None) => Err(ErrorCode::UnknownTopicId.into()),
            (TopicRef::Id(id), Some(_)) if named.contains(id) => continue,
            (TopicRef::Name(_), Some(_)) if by_id => refuse(asked),
            (_, Some(topic)) => {
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

const fn is_name(asked: &TopicRef) -> bool {
    matches!(asked, TopicRef::Name(_))
}

fn refuse(asked: &TopicRef) -> Result<(), ApiError> {
    let message = match asked {
        TopicRef::Name(name) => format!("topic `{name}` is in the request more than once"),
        TopicRef::Id(id) => format!("topic {id} is in the request more than once"),
    };
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

fn find<'a>(cluster: &Cluster<'a>, asked: &TopicRef) -> Option<&'a Arc<Topic>> {
    match asked {
        TopicRef::Name(name) => cluster.image.topic(name),
        TopicRef::Id(id) => cluster.image.topic_by_id(*id),
    }
}
