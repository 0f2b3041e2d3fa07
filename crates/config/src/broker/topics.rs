//! How topics come and go.

use crate::definition::Definition;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("num.partitions", 1)
        .at_least(1)
        .read_only()
        .doc("The partitions of a topic that is created without their number."),
    Definition::int("default.replication.factor", 1)
        .read_only()
        .doc("The replicas of a topic that is created without their number."),
    Definition::boolean("auto.create.topics.enable", true)
        .high()
        .read_only()
        .doc("Creates a topic when a client first asks for it."),
    Definition::boolean("delete.topic.enable", true)
        .high()
        .read_only()
        .doc("Lets topics be deleted."),
];
