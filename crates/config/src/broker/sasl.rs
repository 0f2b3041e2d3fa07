//! Passwords and tokens of clients.

use crate::allowed::Allowed;
use crate::definition::{Definition, HOUR_MS};
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::list("sasl.enabled.mechanisms", &["GSSAPI"])
        .allowed(Allowed::Distinct { or_empty: true })
        .per_broker()
        .missing()
        .doc("The mechanisms by which clients may authenticate."),
    Definition::string("sasl.mechanism.inter.broker.protocol", "GSSAPI")
        .per_broker()
        .missing()
        .doc("The mechanism by which brokers authenticate with each other."),
    Definition::string("sasl.mechanism.controller.protocol", "GSSAPI")
        .high()
        .read_only()
        .missing()
        .doc("The mechanism by which controllers authenticate with each other."),
    Definition::unset("sasl.jaas.config", Kind::Password)
        .per_broker()
        .missing()
        .doc("Users and passwords, in the form of JAAS."),
    Definition::int("sasl.server.max.receive.size", 524_288)
        .read_only()
        .accepted()
        .doc("The largest message before a client is authenticated."),
    Definition::unset("sasl.oauthbearer.jwks.endpoint.url", Kind::String)
        .read_only()
        .missing()
        .doc("Where the keys are that tokens are signed with."),
    Definition::long("sasl.oauthbearer.jwks.endpoint.refresh.ms", HOUR_MS)
        .low()
        .read_only()
        .accepted()
        .doc("How often these keys are fetched again."),
    Definition::long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", 100)
        .low()
        .read_only()
        .accepted()
        .doc("How long to wait after the first failure to fetch them."),
    Definition::long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", 10_000)
        .low()
        .read_only()
        .accepted()
        .doc("How long to wait at most after a failure to fetch them."),
    Definition::list("sasl.oauthbearer.expected.audience", &[])
        .allowed(Allowed::Distinct { or_empty: true })
        .high()
        .read_only()
        .missing()
        .doc("For whom a token must have been made."),
    Definition::unset("sasl.oauthbearer.expected.issuer", Kind::String)
        .high()
        .read_only()
        .missing()
        .doc("By whom a token must have been made."),
    Definition::int("sasl.oauthbearer.clock.skew.seconds", 30)
        .low()
        .read_only()
        .accepted()
        .doc("How far the clock of who made a token may be off."),
    Definition::string("sasl.oauthbearer.scope.claim.name", "scope")
        .low()
        .read_only()
        .missing()
        .doc("The claim of a token with its scopes."),
    Definition::string("sasl.oauthbearer.sub.claim.name", "sub")
        .low()
        .read_only()
        .missing()
        .doc("The claim of a token with the name of the user."),
];
