//! What came of a command, in the words of scripts.

use std::fmt::Write as _;

use protocol::ErrorCode;
use protocol::PartitionId;
use protocol::internal::group::{
    AssignedPartitions, ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataValue, GroupMetadataValue, GroupRecord, OffsetCommitValue,
};
use protocol::messages::consumer_group_describe_response::{
    Assignment as ConsumerAssignment, DescribedGroup as ConsumerDescribedGroup,
};
use protocol::messages::describe_groups_response::DescribedGroup;
use protocol::messages::list_groups_response::ListedGroup;
use protocol::messages::{
    ConsumerGroupHeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, OffsetFetchResponse,
    Response, SyncGroupResponse,
};
use protocol::wire::Reader;

use super::consumer::show;

fn error(code: i16) -> &'static str {
    match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => "ok",
        code => code.unwrap().name(),
    }
}

/// The random number in a member id without its zeros.
fn short(member_id: &str) -> String {
    match member_id.split_once("-00000000-0000-0000-0000-") {
        Some((client, number)) => format!("{client}-{}", u64::from_str_radix(number, 16).unwrap()),
        None => member_id.to_owned(),
    }
}

fn bytes(bytes: &[u8]) -> String {
    if let Some(assignment) = super::consumer::read_assignment(bytes) {
        return format!("%{assignment}");
    }
    let mut reader = Reader::new(bytes, 0, false);
    match (reader.read::<i16>(), reader.read::<Vec<String>>()) {
        (Ok(0 | 1), Ok(topics)) => format!("@{}", topics.join("+")),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn member(id: &str, instance_id: Option<&str>) -> String {
    let instance_id = instance_id.map(|id| format!("/{id}")).unwrap_or_default();
    short(id) + &instance_id
}

/// A response in one line.
pub(super) fn response(response: &Response) -> String {
    match response {
        Response::JoinGroup(body) => joined(body),
        Response::SyncGroup(body) => synced(body),
        Response::ConsumerGroupHeartbeat(body) => beaten(body),
        Response::Heartbeat(body) => error(body.error_code).to_owned(),
        Response::LeaveGroup(body) => left(body),
        Response::OffsetFetch(body) => fetched(body),
        Response::OffsetCommit(body) => {
            let topics = body.topics.iter();
            let lines = topics.flat_map(|topic| {
                let partitions = topic.partitions.iter();
                partitions.map(|p| {
                    format!("{}-{} {}", *topic.name, p.partition_index, error(p.error_code))
                })
            });
            lines.collect::<Vec<_>>().join(", ")
        }
        Response::TxnOffsetCommit(body) => {
            let topics = body.topics.iter();
            let lines = topics.flat_map(|topic| {
                let partitions = topic.partitions.iter();
                partitions.map(|p| {
                    format!("{}-{} {}", *topic.name, p.partition_index, error(p.error_code))
                })
            });
            lines.collect::<Vec<_>>().join(", ")
        }
        Response::OffsetDelete(body) => {
            let mut line = error(body.error_code).to_owned();
            for topic in &body.topics {
                for p in &topic.partitions {
                    write!(line, ", {}-{} {}", *topic.name, p.partition_index, error(p.error_code))
                        .unwrap();
                }
            }
            line
        }
        Response::DeleteGroups(body) => {
            let results = body.results.iter();
            let lines = results.map(|r| format!("{} {}", *r.group_id, error(r.error_code)));
            lines.collect::<Vec<_>>().join(", ")
        }
        other => panic!("{other:?}"),
    }
}

fn joined(body: &JoinGroupResponse) -> String {
    if body.error_code != 0 {
        return format!("{} member={}", error(body.error_code), short(&body.member_id));
    }
    let mut line = format!(
        "generation={} protocol={} member={} leader={}",
        body.generation_id,
        body.protocol_name.as_deref().unwrap_or("null"),
        short(&body.member_id),
        short(&body.leader),
    );
    for known in &body.members {
        let id = member(&known.member_id, known.group_instance_id.as_deref());
        write!(line, " {id}:{}", bytes(&known.metadata)).unwrap();
    }
    if body.skip_assignment { line + " skip-assignment" } else { line }
}

fn synced(body: &SyncGroupResponse) -> String {
    match body.error_code {
        0 => {
            let protocol = body.protocol_name.as_deref().unwrap_or("null");
            format!("protocol={protocol} assignment={}", bytes(&body.assignment))
        }
        code => error(code).to_owned(),
    }
}

fn left(body: &LeaveGroupResponse) -> String {
    let mut line = error(body.error_code).to_owned();
    for left in &body.members {
        let id = member(&left.member_id, left.group_instance_id.as_deref());
        write!(line, ", {id} {}", error(left.error_code)).unwrap();
    }
    line
}

fn fetched(body: &OffsetFetchResponse) -> String {
    let mut line = String::new();
    for group in &body.groups {
        line += error(group.error_code);
        for topic in &group.topics {
            for p in &topic.partitions {
                write!(line, ", {}-{}:", *topic.name, p.partition_index).unwrap();
                match (p.error_code, p.metadata.as_deref()) {
                    (0, Some("")) => write!(line, "{}", p.committed_offset).unwrap(),
                    (0, metadata) => {
                        write!(line, "{}/{}", p.committed_offset, metadata.unwrap()).unwrap()
                    }
                    (code, _) => line += error(code),
                }
                if p.committed_leader_epoch != -1 {
                    write!(line, " epoch={}", p.committed_leader_epoch).unwrap();
                }
            }
        }
    }
    line
}

/// A record in one line.
pub(super) fn record(record: &GroupRecord) -> String {
    match record {
        GroupRecord::GroupMetadata(key, None) => format!("group {} deleted", key.group_id),
        GroupRecord::GroupMetadata(key, Some(value)) => {
            format!("group {} {}", key.group_id, group(value))
        }
        GroupRecord::OffsetCommit(key, None) => {
            format!("offset {} {} deleted", key.group_id, key.partition)
        }
        GroupRecord::OffsetCommit(key, Some(value)) => {
            format!("offset {} {}:{}", key.group_id, key.partition, offset(value))
        }
        other => consumer_record(other),
    }
}

fn group(value: &GroupMetadataValue) -> String {
    let mut line = format!("generation={}", value.generation);
    for (key, text) in [("type", Some(&value.protocol_type)), ("protocol", value.protocol.as_ref())]
    {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            write!(line, " {key}={text}").unwrap();
        }
    }
    if let Some(leader) = &value.leader {
        write!(line, " leader={}", short(leader)).unwrap();
    }
    for known in &value.members {
        let id = member(&known.member_id, known.group_instance_id.as_deref());
        write!(line, " {id}:{}>{}", bytes(&known.subscription), bytes(&known.assignment)).unwrap();
    }
    line
}

fn offset(value: &OffsetCommitValue) -> String {
    let mut line = value.offset.to_string();
    if !value.metadata.is_empty() {
        write!(line, "/{}", value.metadata).unwrap();
    }
    if !value.leader_epoch.is_none() {
        write!(line, " epoch={}", value.leader_epoch).unwrap();
    }
    if !value.expire_timestamp.is_none() {
        write!(line, " expires={}", value.expire_timestamp).unwrap();
    }
    line
}

/// A described group: a line for it, and one for each member.
pub(super) fn described(group: &DescribedGroup) -> String {
    let mut text = format!("{} {} {}", *group.group_id, error(group.error_code), group.group_state);
    write!(text, " type={} protocol={}", group.protocol_type, group.protocol_data).unwrap();
    if let Some(message) = &group.error_message {
        write!(text, " ({message})").unwrap();
    }
    for known in &group.members {
        let id = member(&known.member_id, known.group_instance_id.as_deref());
        let (metadata, assignment) =
            (bytes(&known.member_metadata), bytes(&known.member_assignment));
        let (client, host) = (&known.client_id, &known.client_host);
        write!(text, "\n  {id} client={client} host={host} {metadata}>{assignment}").unwrap();
    }
    text + "\n"
}

fn beaten(body: &ConsumerGroupHeartbeatResponse) -> String {
    if body.error_code != 0 {
        return error(body.error_code).to_owned();
    }
    let mut line = format!("epoch={}", body.member_epoch);
    if let Some(assignment) = &body.assignment {
        let topics = assignment.topic_partitions.iter().map(|topic| {
            let partitions = topic.partitions.iter().copied().map(PartitionId);
            show(topic.topic_id.as_bytes(), partitions)
        });
        write!(line, " [{}]", topics.collect::<Vec<_>>().join(" ")).unwrap();
    }
    line
}

/// A record of a consumer group in one line.
fn consumer_record(record: &GroupRecord) -> String {
    match record {
        GroupRecord::ConsumerGroupMetadata(key, value) => match value {
            Some(value) => format!("group {} epoch={}", key.group_id, value.epoch),
            None => format!("group {} deleted", key.group_id),
        },
        GroupRecord::ConsumerGroupPartitionMetadata(key, None) => {
            format!("topics {} deleted", key.group_id)
        }
        GroupRecord::ConsumerGroupMemberMetadata(key, value) => {
            let member = short(&key.member_id);
            let about = value.as_ref().map_or_else(|| "deleted".to_owned(), about);
            format!("member {} {member} {about}", key.group_id)
        }
        GroupRecord::ConsumerGroupTargetAssignmentMetadata(key, value) => {
            let epoch = value.as_ref().map(|value| format!("epoch={}", value.assignment_epoch));
            format!("target {} {}", key.group_id, epoch.as_deref().unwrap_or("deleted"))
        }
        GroupRecord::ConsumerGroupTargetAssignmentMember(key, value) => {
            let target = value.as_ref().map_or_else(
                || "deleted".to_owned(),
                |value| {
                    let topics = value.topic_partitions.iter();
                    let topics =
                        topics.map(|it| show(&it.topic_id.0, it.partitions.iter().copied()));
                    format!("[{}]", topics.collect::<Vec<_>>().join(" "))
                },
            );
            format!("target {} {} {target}", key.group_id, short(&key.member_id))
        }
        GroupRecord::ConsumerGroupCurrentMemberAssignment(key, value) => {
            let current = value.as_ref().map_or_else(|| "deleted".to_owned(), current);
            format!("current {} {} {current}", key.group_id, short(&key.member_id))
        }
        GroupRecord::ConsumerGroupRegularExpression(key, value) => {
            let topics = value.as_ref().map(|value| format!("[{}]", value.topics.join(" ")));
            let topics = topics.as_deref().unwrap_or("deleted");
            format!("regex {} {} {topics}", key.group_id, key.regular_expression)
        }
        other => panic!("{other:?}"),
    }
}

fn about(value: &ConsumerGroupMemberMetadataValue) -> String {
    let mut line = format!("@{}", value.subscribed_topic_names.join("+"));
    let words = [
        ("regex", &value.subscribed_topic_regex),
        ("instance", &value.instance_id),
        ("rack", &value.rack_id),
        ("assignor", &value.server_assignor),
    ];
    for (key, text) in words {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            write!(line, " {key}={text}").unwrap();
        }
    }
    if let Some(classic) = &value.classic_member_metadata {
        let names: Vec<_> = classic.supported_protocols.iter().map(|it| &*it.name).collect();
        write!(line, " classic={}", names.join(",")).unwrap();
    }
    line
}

fn current(value: &ConsumerGroupCurrentMemberAssignmentValue) -> String {
    let state = ["stable", "unrevoked", "unreleased"][usize::try_from(value.state).unwrap()];
    let owned = |topics: &[AssignedPartitions]| {
        let topics = topics.iter();
        let topics = topics.map(|it| show(&it.topic_id.0, it.partitions.iter().copied()));
        topics.collect::<Vec<_>>().join(" ")
    };
    let (epoch, previous) = (value.member_epoch, value.previous_member_epoch);
    let assigned = owned(&value.assigned_partitions);
    let mut line = format!("epoch={epoch} previous={previous} {state} [{assigned}]");
    if !value.partitions_pending_revocation.is_empty() {
        write!(line, " revoking [{}]", owned(&value.partitions_pending_revocation)).unwrap();
    }
    line
}

/// A described consumer group: a line for it, and one for each member.
pub(super) fn described_consumer(group: &ConsumerDescribedGroup) -> String {
    let (id, code) = (&*group.group_id, error(group.error_code));
    let mut text = format!("{id} {code} {} epoch={}", group.group_state, group.group_epoch);
    write!(text, " assigned={} assignor={}", group.assignment_epoch, group.assignor_name).unwrap();
    if let Some(message) = &group.error_message {
        write!(text, " ({message})").unwrap();
    }
    let places = |assignment: &ConsumerAssignment| {
        let topics = assignment.topic_partitions.iter().map(|topic| {
            let partitions = topic.partitions.iter().copied().map(PartitionId);
            show(topic.topic_id.as_bytes(), partitions)
        });
        topics.collect::<Vec<_>>().join(" ")
    };
    for known in &group.members {
        let id = member(&known.member_id, known.instance_id.as_deref());
        let (has, target) = (places(&known.assignment), places(&known.target_assignment));
        let (epoch, kind) = (known.member_epoch, known.member_type);
        write!(text, "\n  {id} epoch={epoch} type={kind} [{has}]>[{target}]").unwrap();
    }
    text + "\n"
}

/// A listed group.
pub(super) fn listed(group: &ListedGroup) -> String {
    let (state, kind) = (&group.group_state, &group.group_type);
    format!("{} {state} {kind} type={}\n", *group.group_id, group.protocol_type)
}
