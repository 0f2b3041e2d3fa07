//! The listeners and the limits of connections, as the settings have them.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use config::{BrokerConfig, Listener as ListenerConfig};

use crate::metrics::{Connections, Requests};
use crate::net::{ConnectionCounts, ConnectionLimits, Limits, Listener, Memory, Shared};
use crate::open_files;
use crate::start::StartError;

/// How long requests that are under way may take when the broker stops.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How long a request may take to come and an answer to be taken, those apart that are so long that they take longer on a
/// slow line.
const SLOW_LIMIT: Duration = Duration::from_secs(30);

/// What the connections of all listeners are to share.
pub(crate) fn shared(config: &BrokerConfig) -> Shared {
    Shared {
        counts: ConnectionCounts::new(connection_limits(config)),
        memory: Memory::new(config.network.requests_bytes_max),
        requests: Arc::new(Requests::default()),
    }
}

/// The limits of connections. Names of hosts are looked up, which may take its time.
pub(crate) fn connection_limits(config: &BrokerConfig) -> ConnectionLimits {
    let network = &config.network;
    let overrides = network.max_connections_per_ip_overrides.iter();
    let has_others = config.listeners.len() > 1;
    ConnectionLimits {
        // A connection that cannot be taken for want of a descriptor is one too many; a log that cannot be opened is worse.
        max: network.max_connections.min(open_files::left_for_connections()),
        max_by_listener: network.max_connections_by_listener.iter().cloned().collect(),
        max_per_ip: network.max_connections_per_ip,
        max_by_ip: overrides.flat_map(|(host, max)| addresses(host, *max)).collect(),
        exempt_listener: has_others.then(|| config.inter_broker_listener.clone()),
    }
}

fn addresses(host: &str, max: usize) -> HashMap<IpAddr, usize> {
    match (host, 0).to_socket_addrs() {
        Ok(addresses) => addresses.map(|address| (address.ip().to_canonical(), max)).collect(),
        Err(err) => {
            tracing::warn!(%host, %err, "a host of max.connections.per.ip.overrides is not known");
            HashMap::new()
        }
    }
}

/// What is counted of the connections of each listener.
pub(crate) fn connections(config: &BrokerConfig) -> Vec<Arc<Connections>> {
    let listeners = config.listeners.iter();
    listeners.map(|listener| Arc::new(Connections::new(&listener.name))).collect()
}

/// Binds all listeners.
pub(crate) async fn bind(
    config: &BrokerConfig,
    shared: &Shared,
    connections: &[Arc<Connections>],
) -> Result<Vec<Listener>, StartError> {
    let network = &config.network;
    let limits = Limits {
        frame_bytes_max: network.request_bytes_max as usize,
        idle: network.connections_max_idle_ms.map_or(Duration::MAX, Duration::from_millis),
        slow: SLOW_LIMIT,
        stop: STOP_LIMIT,
        backlog: network.listen_backlog,
        send_buffer_bytes: network.send_buffer_bytes,
    };
    let mut bound = Vec::with_capacity(config.listeners.len());
    for (listener, connections) in config.listeners.iter().zip(connections) {
        let address = address(listener);
        let listening =
            Listener::bind(Arc::clone(connections), &address, limits, shared.clone()).await;
        let name = listener.name.clone();
        bound.push(listening.map_err(|source| StartError::Listen { name, address, source })?);
    }
    Ok(bound)
}

fn address(listener: &ListenerConfig) -> String {
    let host = if listener.host.is_empty() { "0.0.0.0" } else { &listener.host };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("{host}:{}", listener.port)
}
