//! Who may do what, and tokens. Of all this only the defaults are taken until it works.

use crate::definition::{DAY_MS, Definition, HOUR_MS};
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::string("authorizer.class.name", "")
        .low()
        .read_only()
        .missing()
        .doc("The name of Kafka's StandardAuthorizer makes the broker check ACLs."),
    Definition::unset("delegation.token.secret.key", Kind::Password).read_only().missing().doc(
        "The key that signs delegation tokens, the same on every node; without it there are none.",
    ),
    Definition::long("delegation.token.expiry.time.ms", DAY_MS)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How long a token holds without being renewed."),
    Definition::long("delegation.token.max.lifetime.ms", 7 * DAY_MS)
        .at_least(1)
        .read_only()
        .accepted()
        .doc("How long a token holds with being renewed."),
    Definition::long("delegation.token.expiry.check.interval.ms", HOUR_MS)
        .at_least(1)
        .low()
        .read_only()
        .accepted()
        .doc("How often tokens are looked at for those to remove."),
];
