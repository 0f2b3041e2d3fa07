//! Where clients and other nodes connect, and what they are told.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::list("listeners", &["PLAINTEXT://127.0.0.1:9092"])
        .allowed(Allowed::Distinct { or_empty: false })
        .high()
        .read_only()
        .doc(
            "Where the broker listens, as `NAME://host:port`. An empty host or `0.0.0.0` is every \
             interface, and port 0 takes a free one. Other names than those of security protocols \
             are in `listener.security.protocol.map`.",
        ),
    Definition::unset("advertised.listeners", Kind::List)
        .allowed(Allowed::Distinct { or_empty: false })
        .high()
        .read_only()
        .doc(
            "Which addresses clients are told, as `NAME://host:port`. If not set, each client is \
             told the address that it has reached.",
        ),
    Definition::string(
        "listener.security.protocol.map",
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
    )
    .low()
    .read_only()
    .doc(
        "The security protocol of each listener, as `NAME:PROTOCOL`. So far only `PLAINTEXT` \
         works.",
    ),
    Definition::unset("inter.broker.listener.name", Kind::String).read_only().doc(
        "The listener over which brokers reach each other. If not set, it is the one named as \
         `security.inter.broker.protocol`.",
    ),
    Definition::string("security.inter.broker.protocol", "PLAINTEXT")
        .allowed(Allowed::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]))
        .read_only()
        .missing()
        .doc(
            "The security protocol between brokers, where `inter.broker.listener.name` does not \
             say it.",
        ),
    Definition::unset("controller.listener.names", Kind::List)
        .allowed(Allowed::Distinct { or_empty: false })
        .high()
        .read_only()
        .doc(
            "Those of `listeners` over which controllers reach each other. No client connects \
             there, and a cluster of one node opens none.",
        ),
    Definition::unset("early.start.listeners", Kind::List)
        .allowed(Allowed::Distinct { or_empty: true })
        .high()
        .read_only()
        .accepted()
        .doc("Listeners that are opened before ACLs are read."),
    Definition::unset("ottla.http.listener", Kind::String).read_only().doc(
        "Where metrics and health are served over HTTP (`/metrics`, `/healthz`, `/readyz`), as \
         `host:port`, `127.0.0.1:9644` for example; port 0 takes a free one, which the log names. \
         If not set, nowhere: no port is open that nobody asked for, and several brokers start on \
         one machine without another setting.",
    ),
];
