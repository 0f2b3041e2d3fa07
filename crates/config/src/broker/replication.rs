//! How replicas of a partition are kept and elected.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("min.insync.replicas", 1).at_least(1).high().doc(
        "How many replicas must be in sync for a produce with `acks=all`, \
         for topics without their own.",
    ),
    Definition::boolean("unclean.leader.election.enable", false)
        .high()
        .doc("Lets a replica that is behind become leader, for topics without their own."),
];
