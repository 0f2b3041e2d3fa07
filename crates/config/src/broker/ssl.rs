//! Certificates and what TLS may use.

use crate::allowed::Allowed;
use crate::definition::Definition;
use crate::kind::Kind;

pub(super) const ROWS: &[Definition] = &[
    Definition::string("ssl.keystore.type", "JKS")
        .per_broker()
        .missing()
        .doc("The format of the key store; `PEM` for files of text."),
    Definition::unset("ssl.keystore.location", Kind::String)
        .per_broker()
        .missing()
        .doc("The file with the broker's key and certificates."),
    Definition::unset("ssl.keystore.password", Kind::Password)
        .per_broker()
        .missing()
        .doc("The password of the key store."),
    Definition::unset("ssl.key.password", Kind::Password)
        .per_broker()
        .missing()
        .doc("The password of the private key."),
    Definition::unset("ssl.keystore.key", Kind::Password)
        .per_broker()
        .missing()
        .doc("The private key itself, in PEM."),
    Definition::unset("ssl.keystore.certificate.chain", Kind::Password)
        .per_broker()
        .missing()
        .doc("The certificates themselves, in PEM."),
    Definition::string("ssl.truststore.type", "JKS")
        .per_broker()
        .missing()
        .doc("The format of the trust store; `PEM` for files of text."),
    Definition::unset("ssl.truststore.location", Kind::String)
        .per_broker()
        .missing()
        .doc("The file with the certificates that are trusted."),
    Definition::unset("ssl.truststore.password", Kind::Password)
        .per_broker()
        .missing()
        .doc("The password of the trust store."),
    Definition::unset("ssl.truststore.certificates", Kind::Password)
        .per_broker()
        .missing()
        .doc("The trusted certificates themselves, in PEM."),
    Definition::string("ssl.client.auth", "none")
        .allowed(Allowed::OneOf(&["required", "requested", "none"]))
        .per_broker()
        .missing()
        .doc("Whether clients must show a certificate, may, or are not asked."),
    Definition::string("ssl.principal.mapping.rules", "DEFAULT")
        .low()
        .read_only()
        .missing()
        .doc("How the name in a certificate becomes the name of a user."),
    Definition::string("ssl.protocol", "TLSv1.3")
        .per_broker()
        .missing()
        .doc("The newest version of TLS."),
    Definition::list("ssl.enabled.protocols", &["TLSv1.2", "TLSv1.3"])
        .allowed(Allowed::Distinct { or_empty: true })
        .per_broker()
        .missing()
        .doc("The versions of TLS."),
    Definition::list("ssl.cipher.suites", &[])
        .allowed(Allowed::Distinct { or_empty: true })
        .per_broker()
        .missing()
        .doc("The cipher suites; an empty list leaves the choice to the broker."),
    Definition::string("ssl.endpoint.identification.algorithm", "https")
        .low()
        .per_broker()
        .missing()
        .doc("Whether brokers check each other's host names; an empty text switches it off."),
    Definition::boolean("ssl.allow.dn.changes", false)
        .low()
        .read_only()
        .missing()
        .doc("Lets a new certificate have another name than the one before."),
    Definition::boolean("ssl.allow.san.changes", false)
        .low()
        .read_only()
        .missing()
        .doc("Lets a new certificate have other host names than the one before."),
];
