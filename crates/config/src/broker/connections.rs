//! What connections may use.

use crate::definition::{Definition, MINUTE_MS};

pub(super) const ROWS: &[Definition] = &[
    Definition::int("max.connections", i32::MAX).at_least(0).doc(
        "How many connections a broker has at a time; more wait until others end. The listener \
             between brokers, where it is one of several, is not held up. \
             `listener.name.<name>.max.connections` limits a single listener.",
    ),
    Definition::int("max.connections.per.ip", i32::MAX)
        .at_least(0)
        .doc("How many connections there are from one address. More are closed at once."),
    Definition::string("max.connections.per.ip.overrides", "").doc(
        "Other limits than `max.connections.per.ip` for some addresses, as `host:number` with \
         commas between them.",
    ),
    Definition::int("max.connection.creation.rate", i32::MAX)
        .at_least(0)
        .missing()
        .doc("How many connections are taken per second."),
    Definition::long("connections.max.idle.ms", 10 * MINUTE_MS)
        .read_only()
        .doc("A connection without a request for this long is closed."),
    Definition::int("connection.failed.authentication.delay.ms", 100)
        .at_least(0)
        .low()
        .read_only()
        .accepted()
        .doc(
            "How long a connection stays open after a failed authentication, to slow down \
             guessing.",
        ),
    Definition::long("connections.max.reauth.ms", 0)
        .read_only()
        .missing()
        .doc("After how long a client has to authenticate again."),
    Definition::int("socket.listen.backlog.size", 50)
        .at_least(1)
        .read_only()
        .doc("How many connections the kernel keeps until they are taken."),
    Definition::int("socket.send.buffer.bytes", 100 << 10).high().read_only().doc(
        "The send buffer of a connection. A small one stays in the processor's caches; clients \
         that read over a long way want more. With -1 the kernel adapts it.",
    ),
    Definition::int("socket.receive.buffer.bytes", 100 << 10).high().read_only().accepted().doc(
        "The receive buffer of a connection. Ottla leaves it to the kernel, which adapts it, as \
         -1 does in Kafka: with a small one producers are slower by a quarter.",
    ),
    Definition::int("socket.request.max.bytes", 100 << 20)
        .at_least(1)
        .high()
        .read_only()
        .doc("The largest request. A connection that sends a larger one is closed."),
    Definition::long("queued.max.request.bytes", -1).read_only().doc(
        "The memory for requests that are being read or served; beyond it connections are not \
         read from. -1 stands for 256 MiB, or for `socket.request.max.bytes` if that is more: \
         Ottla never reads without a limit.",
    ),
    Definition::int("queued.max.requests", 500).at_least(1).high().read_only().accepted().doc(
        "How many requests wait for a thread. Ottla has no such queue: requests of one connection \
         are limited, and the memory of all.",
    ),
    Definition::int("num.network.threads", 3)
        .at_least(1)
        .high()
        .accepted()
        .doc("The threads for connections. Ottla has one for each core."),
    Definition::int("num.io.threads", 8)
        .at_least(1)
        .high()
        .accepted()
        .doc("The threads for requests. Ottla has one for each core."),
    Definition::int("background.threads", 10)
        .at_least(1)
        .high()
        .accepted()
        .doc("The threads for work behind the scenes."),
    Definition::long("socket.connection.setup.timeout.ms", 10_000)
        .read_only()
        .accepted()
        .doc("How long to wait for a connection to another node, at first."),
    Definition::long("socket.connection.setup.timeout.max.ms", 30_000)
        .read_only()
        .accepted()
        .doc("How long to wait for a connection to another node, after many failures."),
    Definition::int("request.timeout.ms", 30_000)
        .high()
        .read_only()
        .accepted()
        .doc("How long to wait for the answer of another node."),
];
