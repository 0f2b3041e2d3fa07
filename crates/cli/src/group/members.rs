//! The members of a group, whichever protocol it speaks: the classic one, or that of KIP-848.

use client::{Client, decode_assignment};
use protocol::messages::consumer_group_describe_response::{
    DescribedGroup as ConsumerGroup, Member as ConsumerMember,
};
use protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use protocol::messages::{ConsumerGroupDescribeRequest, DescribeGroupsRequest, GroupId};
use protocol::{ErrorCode, PartitionId, TopicPartition};

use crate::wire::text;

/// A group as its coordinator describes it.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) coordinator: String,
    pub(crate) kind: &'static str,
    pub(crate) state: String,
    /// How partitions are given out: the protocol that the members agreed on, or the assignor.
    pub(crate) assignor: String,
    pub(crate) members: Vec<Member>,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) host: String,
    pub(crate) partitions: Vec<TopicPartition>,
}

/// Asks the coordinator of a group.
pub(crate) async fn describe(client: &Client, group_id: &str) -> Result<Described, client::Error> {
    match describe_consumer(client, group_id).await {
        // It is of the classic protocol, or the broker does not know the other.
        Err(client::Error::Refused {
            code: ErrorCode::GroupIdNotFound | ErrorCode::UnsupportedVersion,
            ..
        })
        | Err(client::Error::Unsupported { .. }) => {}
        result => return result,
    }
    describe_classic(client, group_id).await
}

async fn describe_classic(client: &Client, group_id: &str) -> Result<Described, client::Error> {
    client
        .with_coordinator(group_id, |coordinator| async move {
            let request =
                DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group_id))]);
            let response = coordinator.call(request).await?;
            let group = response.groups.into_iter().next().unwrap_or_default();
            let message = group.error_message.as_deref();
            client::Error::check(group.error_code, message, || format!("group {group_id}"))?;
            // Before version 6 that is how a group that is not there is described.
            if &*group.group_state == "Dead" {
                let code = ErrorCode::GroupIdNotFound.code();
                return Err(client::Error::refused(format!("group {group_id}"), code, None));
            }
            Ok(classic(coordinator.address(), group))
        })
        .await
}

fn classic(coordinator: &str, group: DescribedGroup) -> Described {
    let is_consumer = &*group.protocol_type == "consumer";
    let member = |member: DescribedGroupMember| {
        // What other kinds of groups assign is their own affair.
        let assigned = is_consumer.then(|| decode_assignment(&member.member_assignment).ok());
        Member {
            id: member.member_id.to_string(),
            instance_id: member.group_instance_id.map(|id| id.to_string()),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
            partitions: assigned.flatten().unwrap_or_default(),
        }
    };
    Described {
        coordinator: coordinator.to_owned(),
        kind: "classic",
        state: group.group_state.to_string(),
        assignor: group.protocol_data.to_string(),
        members: group.members.into_iter().map(member).collect(),
    }
}

async fn describe_consumer(client: &Client, group_id: &str) -> Result<Described, client::Error> {
    client
        .with_coordinator(group_id, |coordinator| async move {
            let request = ConsumerGroupDescribeRequest::default()
                .with_group_ids(vec![GroupId(text(group_id))]);
            let response = coordinator.call(request).await?;
            let group = response.groups.into_iter().next().unwrap_or_default();
            let message = group.error_message.as_deref();
            client::Error::check(group.error_code, message, || format!("group {group_id}"))?;
            Ok(consumer(coordinator.address(), group))
        })
        .await
}

fn consumer(coordinator: &str, group: ConsumerGroup) -> Described {
    let member = |member: ConsumerMember| {
        let topics = member.assignment.topic_partitions.into_iter();
        let partitions = topics.flat_map(|topic| {
            let name = topic.topic_name.to_string();
            let ids = topic.partitions.into_iter();
            ids.map(move |id| TopicPartition::new(name.as_str(), PartitionId(id)))
        });
        Member {
            id: member.member_id.to_string(),
            instance_id: member.instance_id.map(|id| id.to_string()),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
            partitions: partitions.collect(),
        }
    };
    Described {
        coordinator: coordinator.to_owned(),
        kind: "consumer",
        state: group.group_state.to_string(),
        assignor: group.assignor_name.to_string(),
        members: group.members.into_iter().map(member).collect(),
    }
}
