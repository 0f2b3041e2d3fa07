//! Whether the brokers are reached where clients look for them.

use std::net::IpAddr;

use client::{BrokerAddress, Client, Connection, Metadata};
use protocol::messages::{MetadataRequest, MetadataResponse};

use super::Finding;

const CHECK: &str = "addresses";

/// The addresses that a client is given to begin with.
pub(super) async fn bootstrap(client: &Client) -> Vec<Finding> {
    let mut findings = Vec::new();
    for address in &client.options().bootstrap {
        findings.push(match client.connection(address).await {
            Ok(_) => Finding::ok(CHECK, format!("{address} answers")),
            Err(err) => Finding::fail(
                CHECK,
                err.to_string(),
                "is a broker running there, and does nothing in between refuse connections?",
            ),
        });
    }
    findings
}

/// The addresses that the cluster tells its clients to go to.
pub(super) async fn advertised(client: &Client, metadata: &Metadata) -> Vec<Finding> {
    let is_local = client.options().bootstrap.iter().all(|address| is_loopback(host(address)));
    let mut findings = Vec::new();
    for (id, broker) in &metadata.brokers {
        let address = broker.address();
        let what = format!("broker {id} is advertised as {address}");
        if let Some(problem) = suspicious(broker, is_local) {
            findings.push(Finding::fail(
                CHECK,
                format!("{what}, {problem}"),
                "set advertised.listeners to an address that clients can reach",
            ));
            continue;
        }
        findings.push(match Connection::open(&address, client.options()).await {
            Ok(connection) => same_cluster(&connection, metadata, what).await,
            Err(err) => Finding::fail(
                CHECK,
                format!("{what}, which cannot be reached from here: {err}"),
                "set advertised.listeners to an address that clients can reach",
            ),
        });
    }
    findings
}

/// Whether the broker at an advertised address is one of this cluster.
async fn same_cluster(connection: &Connection, metadata: &Metadata, what: String) -> Finding {
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer: Result<MetadataResponse, _> = connection.call_in(4..=12, request).await;
    match answer.map(|response| response.cluster_id.map(|id| id.to_string())) {
        Ok(id) if id == metadata.cluster_id => Finding::ok(CHECK, format!("{what} and answers")),
        Ok(_) => Finding::fail(
            CHECK,
            format!("{what}, where a broker of another cluster answers"),
            "two clusters advertise one address: look at advertised.listeners of both",
        ),
        Err(err) => Finding::fail(CHECK, format!("{what}, but: {err}"), "see the broker's log"),
    }
}

/// What is wrong with an address without trying it.
fn suspicious(broker: &BrokerAddress, is_local: bool) -> Option<&'static str> {
    let address: Option<IpAddr> = broker.host.parse().ok();
    if address.is_some_and(|address| address.is_unspecified()) {
        return Some("which is no address to connect to");
    }
    (!is_local && is_loopback(&broker.host))
        .then_some("which on every other machine is that machine itself")
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_that_leads_nowhere_is_known_without_trying() {
        for (name, is_local, is_suspicious) in [
            ("0.0.0.0", true, true),
            ("::", true, true),
            ("localhost", true, false),
            ("localhost", false, true),
            ("127.0.0.1", false, true),
            ("kafka-1", false, false),
            ("10.0.0.7", false, false),
        ] {
            let broker = BrokerAddress { host: name.to_owned(), port: 9092, rack: None };
            assert_eq!(suspicious(&broker, is_local).is_some(), is_suspicious, "{name}");
        }
        assert!(is_loopback(host("[::1]:9092")) && is_loopback(host("127.0.0.1:1")));
        assert!(!is_loopback(host("kafka:9092")));
    }
}
