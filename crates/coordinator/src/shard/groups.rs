//! Groups as a whole: describing, listing and deleting them.

use std::collections::HashSet;

use protocol::ErrorCode;
use protocol::internal::group::{GroupKey, GroupRecord};
use protocol::messages::delete_groups_response::DeletableGroupResult;
use protocol::messages::describe_groups_response::DescribedGroup;
use protocol::messages::list_groups_response::ListedGroup;
use protocol::messages::{DeleteGroupsResponse, GroupId, ListGroupsRequest, StrBytes};

use super::Shard;
use crate::group::Group;
use crate::outcome::{Action, Now, Token};
use crate::wire;

/// From this version of DescribeGroups on, that there is no such group is an error (KIP-1043).
const DESCRIBE_SAYS_NOT_FOUND: i16 = 6;

/// What a ListGroups request asks for. It is made once, and however long it is, each group is looked up in it and not
/// compared with all of it: meanwhile the group's shard waits.
#[derive(Debug)]
pub struct GroupFilter {
    states: HashSet<String>,
    types: HashSet<String>,
}

impl GroupFilter {
    /// The filters of a request, in which upper and lower case are the same.
    pub fn new(request: &ListGroupsRequest) -> Self {
        let names = |names: &[StrBytes]| {
            names.iter().map(|name| name.trim().to_ascii_lowercase()).collect()
        };
        Self { states: names(&request.states_filter), types: names(&request.types_filter) }
    }

    /// Whether a group of this state and type is asked for. An empty filter lets every group through.
    pub(crate) fn passes(&self, state: &str, kind: &str) -> bool {
        let passes = |names: &HashSet<String>, name: &str| {
            names.is_empty() || names.contains(&name.to_ascii_lowercase())
        };
        passes(&self.states, state) && passes(&self.types, kind)
    }
}

impl Shard {
    /// Describes a classic group. One that does not exist is described as dead.
    pub fn describe_group(&self, group_id: &str, api_version: i16) -> DescribedGroup {
        if let Some(Group::Classic(group)) = self.groups.get(group_id) {
            return group.describe();
        }
        let dead = DescribedGroup::default()
            .with_group_id(wire(group_id).into())
            .with_group_state(StrBytes::from_static_str("Dead"));
        if api_version < DESCRIBE_SAYS_NOT_FOUND {
            return dead;
        }
        let message = match self.groups.get(group_id) {
            Some(_) => format!("Group {group_id} is not a classic group."),
            None => format!("Group {group_id} not found."),
        };
        dead.with_error_code(ErrorCode::GroupIdNotFound.code())
            .with_error_message(Some(wire(&message)))
    }

    /// The groups that pass the filter.
    pub fn list_groups(&self, filter: &GroupFilter) -> Vec<ListedGroup> {
        self.groups.values().filter_map(|group| group.list(filter)).collect()
    }

    /// Deletes groups and their offsets. It is answered when that is committed.
    pub fn delete_groups(
        &mut self,
        now: Now,
        token: Token,
        group_ids: &[GroupId],
        out: &mut Vec<Action>,
    ) {
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(group_ids.len());
        let mut seen = HashSet::new();
        for group_id in group_ids.iter().filter(|group_id| seen.insert(group_id.as_str())) {
            let error = match self.groups.get(&***group_id) {
                _ if self.is_log_behind() => ErrorCode::CoordinatorLoadInProgress,
                None => ErrorCode::GroupIdNotFound,
                Some(group) if !group.is_empty() => ErrorCode::NonEmptyGroup,
                Some(group) => {
                    records.extend(self.offsets.tombstones(group_id));
                    records.extend(group.tombstones(group_id));
                    ErrorCode::None
                }
            };
            let result = DeletableGroupResult::default().with_group_id(group_id.clone());
            results.push(result.with_error_code(error.code()));
        }
        let response = DeleteGroupsResponse::default().with_results(results);
        self.split(now, out).1.respond_after(records, None, token, response);
    }
}

/// Deletes a classic group.
pub(crate) fn tombstone(group_id: &str) -> GroupRecord {
    GroupRecord::GroupMetadata(GroupKey { group_id: group_id.to_owned() }, None)
}
