//! ListOffsets: where a partition begins and ends, and which offset a time has.

use std::collections::BTreeMap;

use protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use protocol::messages::{BrokerId as NodeId, ListOffsetsRequest, ListOffsetsResponse};
use protocol::{BrokerId, ErrorCode, Offset, PartitionId, Timestamp, TopicPartition};

use crate::{Backoff, Client, Error, wire};

/// What to look for in a partition.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first offset that is there.
    Earliest,
    /// The offset after the last record: of those that are safe, or of those whose transactions have ended.
    Latest,
    /// The first record of this time or later.
    At(Timestamp),
}

impl OffsetSpec {
    /// The timestamp that stands for it.
    const fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::At(timestamp) => timestamp.0,
        }
    }
}

type Wanted = Vec<(TopicPartition, OffsetSpec)>;

impl Client {
    /// Looks for offsets, each in its partition; what is found of a time after all records is none. With
    /// `read_committed` the end is where open transactions begin.
    pub async fn list_offsets(
        &self,
        wanted: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
        read_committed: bool,
    ) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
        let mut wanted: Wanted = wanted.into_iter().collect();
        let mut found = BTreeMap::new();
        let mut backoff = Backoff::new(self.options().retry_timeout);
        loop {
            let mut failure = None;
            let mut again = Wanted::new();
            for (leader, wanted) in self.by_leader(wanted).await? {
                let answer = self.ask_leader(leader, &wanted, read_committed).await;
                let mut answer = answer.unwrap_or_else(|err| refuse(&wanted, &err));
                for (partition, spec) in wanted {
                    match answer.remove(&partition).unwrap_or_else(|| Err(left_out(&partition))) {
                        Ok(offset) => {
                            found.insert(partition, offset);
                        }
                        Err(err) if err.is_retriable() => {
                            self.forget(&partition.topic);
                            failure = Some(err);
                            again.push((partition, spec));
                        }
                        Err(err) => return Err(err),
                    }
                }
            }
            match failure {
                None => return Ok(found),
                Some(err) if !backoff.wait().await => return Err(err),
                Some(_) => wanted = again,
            }
        }
    }

    async fn ask_leader(
        &self,
        leader: BrokerId,
        wanted: &Wanted,
        read_committed: bool,
    ) -> Result<Answer, Error> {
        let mut topics = BTreeMap::<&str, Vec<_>>::new();
        for (partition, spec) in wanted {
            topics.entry(&partition.topic).or_default().push(
                ListOffsetsPartition::default()
                    .with_partition_index(partition.partition.0)
                    .with_timestamp(spec.timestamp()),
            );
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            ListOffsetsTopic::default()
                .with_name(wire::topic_name(name))
                .with_partitions(partitions)
        });
        let request = ListOffsetsRequest::default()
            .with_replica_id(NodeId(-1))
            .with_isolation_level(i8::from(read_committed))
            .with_topics(topics.collect());
        // What later versions add is about tiered storage.
        let response = self.broker(leader).await?.call_in(1..=9, request).await?;
        Ok(read(response))
    }
}

type Answer = BTreeMap<TopicPartition, Result<Offset, Error>>;

fn refuse(wanted: &Wanted, err: &Error) -> Answer {
    wanted.iter().map(|(partition, _)| (partition.clone(), Err(err.clone()))).collect()
}

fn left_out(partition: &TopicPartition) -> Error {
    let code = ErrorCode::UnknownServerError.code();
    Error::refused(format!("offset of {partition}"), code, Some("it is missing in the answer"))
}

fn read(response: ListOffsetsResponse) -> Answer {
    let mut answer = Answer::new();
    for topic in response.topics {
        for found in topic.partitions {
            let partition =
                TopicPartition::new(topic.name.as_str(), PartitionId(found.partition_index));
            let what = || format!("offset of {partition}");
            let offset = Error::check(found.error_code, None, what).map(|()| Offset(found.offset));
            answer.insert(partition, offset);
        }
    }
    answer
}
