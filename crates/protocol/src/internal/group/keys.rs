//! What the records of groups are about. Behind the type of the record:
//!
//! | key | fields |
//! |---|---|
//! | `OffsetCommitKey` | group string, topic string, partition i32 |
//! | `GroupKey` | group string |
//! | `MemberKey` | group string, member string |
//! | `RegularExpressionKey` | group string, regular expression string |

use crate::ids::TopicPartition;
use crate::wire::wire_fields;

/// A partition, as far as one group is concerned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetCommitKey {
    /// The group.
    pub group_id: String,
    /// The partition.
    pub partition: TopicPartition,
}
wire_fields!(OffsetCommitKey { group_id, partition });

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Its id.
    pub group_id: String,
}
wire_fields!(GroupKey { group_id });

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey {
    /// The group.
    pub group_id: String,
    /// The member.
    pub member_id: String,
}
wire_fields!(MemberKey { group_id, member_id });

/// A regular expression that members of a group subscribe by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegularExpressionKey {
    /// The group.
    pub group_id: String,
    /// The expression.
    pub regular_expression: String,
}
wire_fields!(RegularExpressionKey { group_id, regular_expression });
