//! Who this node is in its cluster.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::int("node.id", 1).at_least(0).high().read_only().doc(
        "The number of this node, unlike that of any other node of the cluster. `broker.id` is \
         another name for it.",
    ),
    Definition::int("broker.id", 1)
        .high()
        .read_only()
        .doc("Another name for `node.id`; if both are set, they must be equal."),
    Definition::list("process.roles", &["broker", "controller"])
        .allowed(Allowed::SomeOf(&["broker", "controller"]))
        .high()
        .read_only()
        .doc("What this node does. So far every node is a broker and a controller."),
    Definition::unset("broker.rack", Kind::String).read_only().doc(
        "Where this node stands, so that replicas are spread over racks and consumers read \
         nearby.",
    ),
];
