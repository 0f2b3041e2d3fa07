//! A listener: accepts connections within its limits, and ends them all when the broker stops.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::frames::{Budget, FrameReader};
use super::{Peer, Service};

/// After an error of `accept` (too many open files, most likely) the listener waits, instead of turning in a circle.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `socket.request.max.bytes`.
    pub frame_bytes_max: usize,
    /// The memory that the frames of all connections may take.
    pub frames_bytes_max: usize,
    /// `connections.max.idle.ms`.
    pub idle: Duration,
    /// `max.connections`, on each listener.
    pub connections_max: usize,
    /// `max.connections.per.ip`.
    pub connections_per_ip_max: usize,
    /// How long requests that are under way may take when the broker stops.
    pub stop: Duration,
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    name: Arc<str>,
    socket: TcpListener,
    limits: Limits,
    budget: Arc<Budget>,
}

impl Listener {
    /// Binds a listener. Port 0 takes a free one.
    pub async fn bind(name: &str, address: &str, limits: Limits) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let budget = Arc::new(Budget::new(limits.frames_bytes_max));
        Ok(Self { name: name.into(), socket, limits, budget })
    }

    /// The address that it is bound to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Serves connections until `stop` says true; then answers what is under way, and returns.
    pub async fn run(self, service: Arc<dyn Service>, mut stop: watch::Receiver<bool>) {
        let per_ip = Arc::new(PerIp::default());
        let mut connections = JoinSet::new();
        while !*stop.borrow() {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, address)) => {
                        let stop = stop.clone();
                        if let Some(serve) = self.admit(stream, address, &service, &per_ip, connections.len(), stop) {
                            connections.spawn(serve);
                        }
                    }
                    Err(err) => {
                        tracing::warn!(listener = %self.name, %err, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                _ = stop.changed() => {}
            }
        }
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.stop, drained).await.is_err() {
            tracing::warn!(listener = %self.name, "connections were cut off: their requests took too long");
        }
    }

    /// Takes a connection in, if the limits allow it.
    fn admit(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        service: &Arc<dyn Service>,
        per_ip: &Arc<PerIp>,
        connection_count: usize,
        stop: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let client = address.ip();
        if connection_count >= self.limits.connections_max {
            tracing::warn!(listener = %self.name, %client, "connection refused: max.connections is reached");
            return None;
        }
        let Some(counted) = PerIp::enter(per_ip, client, self.limits.connections_per_ip_max) else {
            tracing::warn!(listener = %self.name, %client, "connection refused: max.connections.per.ip is reached");
            return None;
        };
        let local = stream.local_addr().ok()?;
        // Answers are written whole, so waiting for more to send with them only delays them.
        stream.set_nodelay(true).ok()?;
        let Limits { frame_bytes_max, idle, .. } = self.limits;
        let connection = Connection {
            stream,
            peer: Peer { address, local, listener: Arc::clone(&self.name) },
            reader: FrameReader::new(Arc::clone(&self.budget), frame_bytes_max),
            service: Arc::clone(service),
            idle_limit: idle,
        };
        Some(async move {
            connection.run(stop).await;
            drop(counted);
        })
    }
}

/// How many connections there are from each address.
#[derive(Debug, Default)]
struct PerIp(Mutex<HashMap<IpAddr, usize>>);

/// One connection in the count.
struct Counted {
    counts: Arc<PerIp>,
    ip: IpAddr,
}

impl PerIp {
    fn enter(counts: &Arc<Self>, ip: IpAddr, max: usize) -> Option<Counted> {
        let mut map = counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = map.entry(ip).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Counted { counts: Arc::clone(counts), ip })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut map = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = map.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                map.remove(&self.ip);
            }
        }
    }
}
