//! How a command reaches the cluster, which every command can be told.

use std::net::Ipv6Addr;
use std::time::Duration;

use clap::Args;
use client::{Client, ClientOptions};

use crate::duration::parse_duration;

/// The cluster to ask.
#[derive(Clone, Debug, Args)]
pub(crate) struct Connect {
    /// Addresses of brokers; one that answers is enough.
    #[arg(
        short,
        long,
        env = "OTTLA_BOOTSTRAP",
        value_name = "HOST:PORT,…",
        value_delimiter = ',',
        default_value = "127.0.0.1:9092"
    )]
    pub(crate) bootstrap: Vec<String>,
    /// How long to try before giving up.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    pub(crate) timeout: Duration,
}

impl Connect {
    /// A client of the cluster.
    pub(crate) fn client(&self) -> Client {
        let addresses = self.bootstrap.iter().map(|address| with_port(address.trim()));
        let defaults = ClientOptions::new(addresses.collect());
        Client::new(ClientOptions {
            connect_timeout: defaults.connect_timeout.min(self.timeout),
            request_timeout: self.timeout,
            retry_timeout: self.timeout,
            client_id: "ottla-cli".to_owned(),
            ..defaults
        })
    }

    /// The time-out in the form of requests that a broker may take its time for.
    pub(crate) fn timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

/// An address without a port means Kafka's own.
fn with_port(address: &str) -> String {
    if address.parse::<Ipv6Addr>().is_ok() {
        return format!("[{address}]:9092");
    }
    let has_port = address.contains(':') && !address.ends_with(']');
    if has_port { address.to_owned() } else { format!("{address}:9092") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_without_a_port_gets_kafkas() {
        for (address, expected) in [
            ("kafka", "kafka:9092"),
            ("kafka:19092", "kafka:19092"),
            ("127.0.0.1", "127.0.0.1:9092"),
            ("::1", "[::1]:9092"),
            ("[::1]", "[::1]:9092"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(with_port(address), expected);
        }
    }
}
