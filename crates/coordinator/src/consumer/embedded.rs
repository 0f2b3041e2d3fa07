//! What classic consumers tell each other through the coordinator, and what it has to understand of it when they are in one
//! group with consumers of the new protocol (`ConsumerProtocolSubscription`, `ConsumerProtocolAssignment`).
//!
//! | subscription | type | versions |
//! |---|---|---|
//! | version | i16 | |
//! | topics | array of strings | all |
//! | user data | bytes or null | all |
//! | owned partitions: topic, partitions | array: string, array of i32 | 1 and later |
//! | generation | i32 | 2 and later |
//! | rack | string or null | 3 and later |
//!
//! | assignment | type | versions |
//! |---|---|---|
//! | version | i16 | |
//! | partitions: topic, partitions | array: string, array of i32 | all |
//! | user data | bytes or null | all |
//!
//! Later versions begin like the last one here.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::PartitionId;
use protocol::wire::{Reader, Wire, WireError, Writer};

use crate::assignor::Assignment;
use crate::cluster::Cluster;

const NEWEST: i16 = 3;

/// What a consumer subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) version: i16,
    pub(super) topics: Vec<String>,
    owned: Vec<TopicPartitions>,
    pub(super) rack_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TopicPartitions {
    topic: String,
    partitions: Vec<PartitionId>,
}

impl Wire for TopicPartitions {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { topic: reader.read()?, partitions: reader.read()? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.write(&self.topic);
        writer.write(&self.partitions);
    }
}

/// Reads the version, and opens what follows.
fn open(bytes: &[u8]) -> Result<Reader<'_>, WireError> {
    let mut reader = Reader::new(bytes, 0, false);
    let version: i16 = reader.read()?;
    if version < 0 {
        return Err(WireError::Negative(version.into()));
    }
    Ok(Reader::new(reader.rest(), version.min(NEWEST), false))
}

impl Subscription {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = open(bytes)?;
        let topics = reader.read()?;
        reader.read::<Option<Bytes>>()?;
        let owned = reader.read_since(1, Vec::new())?;
        reader.read_since(2, -1i32)?;
        let rack_id: Option<String> = reader.read_since(3, None)?;
        let rack_id = rack_id.filter(|rack| !rack.is_empty());
        Ok(Self { version: reader.version(), topics, owned, rack_id })
    }

    /// What the consumer says that it has. Topics that there are not are left out.
    pub(super) fn owned(&self, cluster: &dyn Cluster) -> Assignment {
        by_id(&self.owned, cluster)
    }
}

fn by_id(topics: &[TopicPartitions], cluster: &dyn Cluster) -> Assignment {
    let mut assignment = Assignment::new();
    for named in topics.iter().filter(|named| !named.partitions.is_empty()) {
        if let Some(topic) = cluster.topic(&named.topic) {
            assignment.entry(topic.id).or_default().extend(&named.partitions);
        }
    }
    assignment
}

/// Reads what a classic leader has assigned; nothing where it has not yet. Also says whether there are user data, of an
/// assignor that we know nothing of.
pub(super) fn read_assignment(
    bytes: &[u8],
    cluster: &dyn Cluster,
) -> Result<(Assignment, bool), WireError> {
    if bytes.is_empty() {
        return Ok((Assignment::new(), false));
    }
    let mut reader = open(bytes)?;
    let topics: Vec<TopicPartitions> = reader.read()?;
    let user_data: Option<Bytes> = reader.read()?;
    Ok((by_id(&topics, cluster), user_data.is_some_and(|data| !data.is_empty())))
}

/// Writes an assignment as a consumer reads it whose subscription has this version.
pub(super) fn write_assignment(
    assignment: &Assignment,
    version: i16,
    cluster: &dyn Cluster,
) -> Bytes {
    let mut topics: BTreeMap<String, Vec<PartitionId>> = BTreeMap::new();
    for (id, partitions) in assignment {
        if let Some(topic) = cluster.topic_by_id(*id) {
            topics.insert(topic.name.to_string(), partitions.iter().copied().collect());
        }
    }
    let topics =
        topics.into_iter().map(|(topic, partitions)| TopicPartitions { topic, partitions });
    let mut writer = Writer::new(version, false);
    writer.write(&version);
    writer.write(&topics.collect::<Vec<_>>());
    writer.write(&None::<Bytes>);
    // It can only fail for names that are longer than those of topics.
    writer.finish().map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_of_each_version_is_read() {
        let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 1, b't', 255, 255, 255, 255];
        let version_0 = Subscription::read(&bytes).unwrap();
        assert_eq!((version_0.version, &version_0.topics[..]), (0, &["t".to_owned()][..]));
        bytes.extend([0, 0, 0, 1, 0, 1, b'o', 0, 0, 0, 1, 0, 0, 0, 7]);
        bytes[1] = 1;
        let owned =
            vec![TopicPartitions { topic: "o".to_owned(), partitions: vec![PartitionId(7)] }];
        assert_eq!(Subscription::read(&bytes).unwrap().owned, owned);
        bytes.extend([0, 0, 0, 9, 0, 1, b'r']);
        // A later version than is known has the same beginning.
        bytes[1] = 9;
        let read = Subscription::read(&bytes).unwrap();
        assert_eq!((read.version, read.rack_id.as_deref()), (3, Some("r")));
        for end in 0..bytes.len() {
            assert!(Subscription::read(&bytes[..end]).is_err());
        }
    }
}
