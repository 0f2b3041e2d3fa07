//! A listener in the words of `listeners` and `advertised.listeners`: `NAME://host:port`.
//!
//! What is parsed here has a name in capital letters, a host that may be empty, and a port; whether the listeners of
//! a broker fit each other is for `broker_config/listeners.rs`.

use std::fmt;
use std::net::IpAddr;

/// Where the broker listens, or what clients are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name, in capital letters.
    pub name: String,
    /// How connections to it are secured.
    pub protocol: SecurityProtocol,
    /// The address or the name of the host; empty for all interfaces.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, host, port, .. } = self;
        if host.contains(':') {
            write!(f, "{name}://[{host}]:{port}")
        } else {
            write!(f, "{name}://{host}:{port}")
        }
    }
}

impl Listener {
    /// The host, if it is an IP address.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether it stands for all interfaces, so that nobody can be told to connect there.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.host.is_empty() || self.ip().is_some_and(|ip| ip.is_unspecified())
    }
}

/// How the connections of a listener are secured. The numbers are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum SecurityProtocol {
    /// Not at all.
    Plaintext = 0,
    /// By TLS.
    Ssl = 1,
    /// By SASL, and anybody can read along.
    SaslPlaintext = 2,
    /// By SASL over TLS.
    SaslSsl = 3,
}

impl SecurityProtocol {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// Its name, as it stands in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// The one of this name, in capital letters or not.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A host and a port: where metrics are served, or where a node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The address or the name of the host; empty for all interfaces.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl HostPort {
    /// Takes `host:port` apart, with an IPv6 address in brackets or without.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').unwrap_or(host);
        let host = host.strip_suffix(']').unwrap_or(host);
        let is_part = |char: char| char.is_ascii_alphanumeric() || "-%._:".contains(char);
        let port = port.parse().ok()?;
        host.chars().all(is_part).then(|| Self { host: host.to_owned(), port })
    }
}

/// Takes `NAME://host:port` apart: the name in capital letters, and the rest.
pub(crate) fn parse_listener(text: &str) -> Option<(String, HostPort)> {
    let (name, address) = text.split_once("://")?;
    let name = name.trim().to_ascii_uppercase();
    let address = HostPort::parse(address)?;
    (!name.is_empty()).then_some((name, address))
}

/// Takes `key:value,key:value` apart; the last colon counts, so that a key may be an IPv6 address.
pub(crate) fn parse_map(text: &str) -> Option<Vec<(&str, &str)>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pairs = entries.map(|entry| entry.rsplit_once(':'));
    pairs.map(|pair| pair.map(|(key, value)| (key.trim(), value.trim()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listener_in_kafkas_form_is_name_host_and_port() {
        for (text, expected) in [
            ("PLAINTEXT://:9092", Some(("PLAINTEXT", "", 9092))),
            ("client://a-b.example:1", Some(("CLIENT", "a-b.example", 1))),
            ("A://[::1]:2", Some(("A", "::1", 2))),
            ("A://fe80::1%eth0:2", Some(("A", "fe80::1%eth0", 2))),
            ("A://h:0", Some(("A", "h", 0))),
            ("A://h:-1", None),
            ("A://h:65536", None),
            ("A://h", None),
            ("A:h:1", None),
            ("://h:1", None),
            ("A://h/x:1", None),
        ] {
            let found = parse_listener(text);
            let expected = expected.map(|(name, host, port): (&str, &str, u16)| {
                (name.to_owned(), HostPort { host: host.to_owned(), port })
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn listener_printed_is_parsed_again() {
        for text in ["A://:1", "A://[::1]:2", "A://host:3"] {
            let (name, HostPort { host, port }) = parse_listener(text).unwrap();
            let protocol = SecurityProtocol::Plaintext;
            assert_eq!(Listener { name, protocol, host, port }.to_string(), text);
        }
    }

    #[test]
    fn map_splits_at_the_last_colon() {
        assert_eq!(parse_map(" a : b ,::1:5,"), Some(vec![("a", "b"), ("::1", "5")]));
        assert_eq!(parse_map(""), Some(vec![]));
        assert_eq!(parse_map("a"), None);
    }
}
