//! OffsetCommit, OffsetFetch and OffsetDelete. Version 10 of the first two names topics by their ids: the names are
//! looked up on the way in, and the ids take their place on the way out.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use protocol::ErrorCode;
use protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteResponse, OffsetFetchRequestGroup,
    OffsetFetchRequestTopic, OffsetFetchResponse, Request, Response, TopicName,
};
use uuid::Uuid;

use super::super::{Call, Numbers, each_once, misrouted};
use super::ask;
use crate::broker::Broker;
use crate::net::Reply;

const TOPIC_IDS_SINCE: i16 = 10;

/// From this version on, an answer has several groups (KIP-709).
const SEVERAL_GROUPS_SINCE: i16 = 8;

pub(in crate::handlers) fn offset_commit(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::OffsetCommit(mut request) = request else { return misrouted(&request) };
    let by_id = call.header.version >= TOPIC_IDS_SINCE;
    let unknown = name_topics(broker, &mut request, by_id);
    let group_id = request.group_id.clone();
    let refused = refuse_commit(&request);
    let mut answer =
        match broker.groups.ask(&group_id, call.header.version, |shard, now, token, out| {
            shard.commit_offsets(now, token, &request, out);
        }) {
            Ok(answer) => answer,
            Err(code) => return Reply::now(finish_commit(refused(code), unknown, by_id)),
        };
    if let Ok(response) = answer.try_recv() {
        return Reply::now(finish_commit(*response, unknown, by_id));
    }
    Reply::later(async move {
        let response = match answer.await {
            Ok(response) => *response,
            Err(_) => refused(ErrorCode::NotCoordinator),
        };
        finish_commit(response, unknown, by_id).into()
    })
}

type CommitTopic = protocol::messages::offset_commit_response::OffsetCommitResponseTopic;
type CommitPartition = protocol::messages::offset_commit_response::OffsetCommitResponsePartition;

/// Names the topics that are known by their ids, and takes out what is not there: its answer is returned.
fn name_topics(
    broker: &Broker,
    request: &mut OffsetCommitRequest,
    by_id: bool,
) -> Vec<CommitTopic> {
    let image = broker.image.load();
    let mut unknown = Vec::new();
    for topic in &mut request.topics {
        let known =
            if by_id { image.topic_by_id(topic.topic_id) } else { image.topic(&topic.name) };
        let refusal = match known {
            None if by_id => ErrorCode::UnknownTopicId,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        if let Some(known) = known {
            topic.name = known.name.to_string();
            topic.topic_id = known.id;
        }
        let mut missing = Vec::new();
        topic.partitions.retain(|partition| {
            let index = partition.partition_index;
            let is_there = known.is_some_and(|known| known.partitions.contains_key(&index));
            if !is_there {
                let answer = CommitPartition::default().with_partition_index(index.0);
                missing.push(answer.with_error_code(refusal.code()));
            }
            is_there
        });
        if !missing.is_empty() {
            let answer = CommitTopic::default().with_name(crate::wire::topic_name(&topic.name));
            let answer = answer.with_topic_id(Uuid::from_bytes(topic.topic_id.0));
            unknown.push(answer.with_partitions(missing));
        }
    }
    request.topics.retain(|topic| !topic.partitions.is_empty());
    unknown
}

/// The answer to all partitions when the group cannot be asked.
fn refuse_commit(request: &OffsetCommitRequest) -> impl Fn(ErrorCode) -> Response + Send + use<> {
    let topics: Vec<_> = request
        .topics
        .iter()
        .map(|topic| {
            let indexes: Vec<_> = topic.partitions.iter().map(|it| it.partition_index.0).collect();
            (topic.name.clone(), topic.topic_id, indexes)
        })
        .collect();
    move |code| {
        let topics = topics.iter().map(|(name, topic_id, indexes)| {
            let partitions = indexes.iter().map(|index| {
                CommitPartition::default().with_partition_index(*index).with_error_code(code.code())
            });
            CommitTopic::default()
                .with_name(crate::wire::topic_name(name))
                .with_topic_id(crate::wire::uuid(*topic_id))
                .with_partitions(partitions.collect())
        });
        Response::OffsetCommit(OffsetCommitResponse::default().with_topics(topics.collect()))
    }
}

/// Adds what was not known, and leaves of a topic's name and id the one that the version has.
fn finish_commit(response: Response, unknown: Vec<CommitTopic>, by_id: bool) -> Response {
    let Response::OffsetCommit(mut response) = response else { return response };
    let mut missing: BTreeMap<_, CommitTopic> = BTreeMap::new();
    for mut topic in unknown {
        let place = missing.entry((topic.name.clone(), topic.topic_id));
        let partitions = std::mem::take(&mut topic.partitions);
        place.or_insert(topic).partitions.extend(partitions);
    }
    for topic in &mut response.topics {
        if let Some(missing) = missing.remove(&(topic.name.clone(), topic.topic_id)) {
            topic.partitions.extend(missing.partitions);
        }
    }
    response.topics.extend(missing.into_values());
    for topic in &mut response.topics {
        if by_id {
            topic.name = TopicName::default();
        } else {
            topic.topic_id = Uuid::nil();
        }
    }
    Response::OffsetCommit(response)
}

pub(in crate::handlers) fn offset_fetch(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::OffsetFetch(request) = request else { return misrouted(&request) };
    let version = call.header.version;
    let is_stable = request.require_stable;
    let broker = Arc::clone(broker);
    let asked: Vec<_> = each_once(request.groups, |group| group.group_id.clone())
        .map(|mut group| {
            ask_once(&mut group);
            name_fetched(&broker, &mut group, version >= TOPIC_IDS_SINCE);
            let asked = broker.groups.ask(&group.group_id, version, |shard, now, token, out| {
                shard.fetch_offsets(now, token, &group, is_stable, out);
            });
            (group.group_id, asked)
        })
        .collect();
    Reply::later(async move {
        let mut groups = Vec::with_capacity(asked.len());
        for (group_id, asked) in asked {
            let answer = match asked {
                Ok(answer) => answer.await.map_err(|_| ErrorCode::NotCoordinator),
                Err(code) => Err(code),
            };
            match answer.map(|response| *response) {
                Ok(Response::OffsetFetch(response)) => groups.extend(response.groups),
                Ok(_) => {}
                Err(code) => groups.push(
                    OffsetFetchResponseGroup::default()
                        .with_group_id(protocol::messages::GroupId(crate::wire::text(&group_id)))
                        .with_error_code(code.code()),
                ),
            }
        }
        Response::OffsetFetch(finish_fetch(&broker, groups, version)).into()
    })
}

/// Leaves each partition of a request where it is named first.
fn ask_once(group: &mut OffsetFetchRequestGroup) {
    let (mut numbers, mut seen) = (Numbers::new(), HashSet::new());
    for topic in group.topics.iter_mut().flatten() {
        let OffsetFetchRequestTopic { name, topic_id, partition_indexes } = topic;
        let number = numbers.of((&**name, *topic_id));
        partition_indexes.retain(|index| seen.insert((number, *index)));
    }
}

/// Names the topics that are asked for by id; one that is not known keeps its id alone.
fn name_fetched(broker: &Broker, group: &mut OffsetFetchRequestGroup, by_id: bool) {
    if !by_id {
        return;
    }
    let image = broker.image.load();
    for topic in group.topics.iter_mut().flatten() {
        if let Some(known) = image.topic_by_id(topic.topic_id) {
            topic.name = known.name.to_string();
        }
    }
}

/// Puts the groups where the version has them.
fn finish_fetch(
    broker: &Broker,
    mut groups: Vec<OffsetFetchResponseGroup>,
    version: i16,
) -> OffsetFetchResponse {
    for group in &mut groups {
        if version >= TOPIC_IDS_SINCE {
            identify(broker, group);
        } else {
            group.topics.iter_mut().for_each(|topic| topic.topic_id = Uuid::nil());
        }
    }
    let response = OffsetFetchResponse::default();
    if version >= SEVERAL_GROUPS_SINCE {
        return response.with_groups(groups);
    }
    let Some(group) = groups.into_iter().next() else { return response };
    let topics = group.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_committed_offset(partition.committed_offset)
                .with_committed_leader_epoch(partition.committed_leader_epoch)
                .with_metadata(partition.metadata)
                .with_error_code(partition.error_code)
        });
        OffsetFetchResponseTopic::default()
            .with_name(topic.name)
            .with_partitions(partitions.collect())
    });
    response.with_topics(topics.collect()).with_error_code(group.error_code)
}

/// Leaves the topics of an answer their ids alone. One that was asked for by an id that is not known has no name; one of
/// all topics has no id yet, and if there is no such topic any more, it is left out, as in Kafka.
fn identify(broker: &Broker, group: &mut OffsetFetchResponseGroup) {
    let image = broker.image.load();
    group.topics.retain_mut(|topic| {
        let name = std::mem::take(&mut topic.name);
        if name.is_empty() {
            let code = ErrorCode::UnknownTopicId.code();
            topic.partitions.iter_mut().for_each(|partition| partition.error_code = code);
        } else if topic.topic_id.is_nil() {
            let Some(known) = image.topic(&name) else { return false };
            topic.topic_id = crate::wire::uuid(known.id);
        }
        true
    });
}

pub(in crate::handlers) fn offset_delete(
    broker: &Arc<Broker>,
    call: &Call<'_>,
    request: Request,
) -> Reply {
    let Request::OffsetDelete(mut request) = request else { return misrouted(&request) };
    let (mut numbers, mut seen) = (Numbers::new(), HashSet::new());
    for topic in &mut request.topics {
        let number = numbers.of(topic.name.clone());
        topic.partitions.retain(|partition| seen.insert((number, partition.partition_index)));
    }
    ask(
        broker,
        &request.group_id,
        call.header.version,
        |shard, now, token, out| shard.delete_offsets(now, token, &request, out),
        |code| Response::OffsetDelete(OffsetDeleteResponse::default().with_error_code(code.code())),
    )
}
