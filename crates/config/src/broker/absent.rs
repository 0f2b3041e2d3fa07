//! The settings of Kafka's brokers that we have not, each with the reason, which is told to whoever sets one.

/// Reasons, and the keys that they are the reason for.
pub const ABSENT: &[(&str, &[&str])] = &[
    (
        "it names a Java class, and Ottla loads none",
        &[
            "alter.config.policy.class.name",
            "client.quota.callback.class",
            "config.providers",
            "create.topic.policy.class.name",
            "kafka.metrics.reporters",
            "metric.reporters",
            "principal.builder.class",
            "remote.log.metadata.manager.class.name",
            "remote.log.metadata.manager.class.path",
            "remote.log.metadata.manager.impl.prefix",
            "remote.log.metadata.manager.listener.name",
            "remote.log.storage.manager.class.path",
            "remote.log.storage.manager.impl.prefix",
            "sasl.client.callback.handler.class",
            "sasl.login.callback.handler.class",
            "sasl.login.class",
            "sasl.oauthbearer.jwt.retriever.class",
            "sasl.oauthbearer.jwt.validator.class",
            "sasl.server.callback.handler.class",
            "security.providers",
            "ssl.engine.factory.class",
            "ssl.keymanager.algorithm",
            "ssl.provider",
            "ssl.secure.random.implementation",
            "ssl.trustmanager.algorithm",
        ],
    ),
    (
        "it is about the metrics of a Java program; Ottla's are at `ottla.http.listener`",
        &[
            "kafka.metrics.polling.interval.secs",
            "metrics.num.samples",
            "metrics.recording.level",
            "metrics.sample.window.ms",
        ],
    ),
    (
        "it is about Kerberos, which Ottla does not speak",
        &[
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.min.time.before.relogin",
            "sasl.kerberos.principal.to.local.rules",
            "sasl.kerberos.service.name",
            "sasl.kerberos.ticket.renew.jitter",
            "sasl.kerberos.ticket.renew.window.factor",
        ],
    ),
    (
        "it is about tokens that a broker fetches for itself, which Ottla's do not",
        &[
            "sasl.login.connect.timeout.ms",
            "sasl.login.read.timeout.ms",
            "sasl.login.refresh.buffer.seconds",
            "sasl.login.refresh.min.period.seconds",
            "sasl.login.refresh.window.factor",
            "sasl.login.refresh.window.jitter",
            "sasl.login.retry.backoff.max.ms",
            "sasl.login.retry.backoff.ms",
            "sasl.oauthbearer.assertion.algorithm",
            "sasl.oauthbearer.assertion.claim.aud",
            "sasl.oauthbearer.assertion.claim.exp.seconds",
            "sasl.oauthbearer.assertion.claim.iss",
            "sasl.oauthbearer.assertion.claim.jti.include",
            "sasl.oauthbearer.assertion.claim.nbf.seconds",
            "sasl.oauthbearer.assertion.claim.sub",
            "sasl.oauthbearer.assertion.file",
            "sasl.oauthbearer.assertion.private.key.file",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.oauthbearer.assertion.template.file",
            "sasl.oauthbearer.client.credentials.client.id",
            "sasl.oauthbearer.client.credentials.client.secret",
            "sasl.oauthbearer.scope",
            "sasl.oauthbearer.token.endpoint.url",
        ],
    ),
    (
        "it is for the tests of Kafka itself",
        &[
            "controller.performance.always.log.threshold.ms",
            "controller.performance.sample.period.ms",
            "group.share.initialize.retry.interval.ms",
            "group.share.persister.class.name",
            "internal.metadata.delete.delay.millis",
            "internal.metadata.log.segment.bytes",
            "internal.metadata.max.batch.size.in.bytes",
            "remote.log.index.file.cache.ttl.ms",
            "remote.log.manager.task.retry.backoff.max.ms",
            "remote.log.manager.task.retry.backoff.ms",
            "remote.log.manager.task.retry.jitter",
            "server.max.startup.time.ms",
            "share.coordinator.cold.partition.snapshot.interval.ms",
            "share.coordinator.state.topic.prune.interval.ms",
            "unclean.leader.election.interval.ms",
            "unstable.api.versions.enable",
            "unstable.feature.versions.enable",
        ],
    ),
];

/// Why a broker has no setting `key`, if Kafka's has it.
pub(crate) fn why_absent(key: &str) -> Option<&'static str> {
    if key.starts_with("listener.name.") {
        return Some("of one listener alone only max.connections can be set yet");
    }
    ABSENT.iter().find(|(_, keys)| keys.contains(&key)).map(|(reason, _)| *reason)
}
