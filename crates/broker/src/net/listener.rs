//! A listener: accepts connections within the limits, and ends them all when the broker stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::frames::FrameReader;
use super::limits::{ConnectionCounts, Counted, TooManyFromIp};
use super::memory::Memory;
use super::{Peer, Service};
use crate::metrics::{Connections, Requests};

/// After an error of `accept` (too many open files, most likely) the listener waits, instead of turning in a circle.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections wait in a queue of at least this length to be accepted. Kafka's default of 50 overflows when all clients
/// come back after a restart, and each that falls out tries again after a second (KIP-764); a longer one costs nothing.
const BACKLOG_MIN: u32 = 1024;

/// A connection that is counted, and who it is with; `None` if its address has enough.
type Accepted = Option<(TcpStream, SocketAddr, Counted)>;

/// What each connection may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `socket.request.max.bytes`.
    pub frame_bytes_max: usize,
    /// `connections.max.idle.ms`.
    pub idle: Duration,
    /// How long a request may take to come, and an answer to be taken; longer ones have more time.
    pub slow: Duration,
    /// How long requests that are under way may take when the broker stops.
    pub stop: Duration,
    /// `socket.listen.backlog.size`.
    pub backlog: u32,
    /// `socket.send.buffer.bytes`; `None` leaves it to the kernel.
    pub send_buffer_bytes: Option<u32>,
}

/// What the connections of all listeners share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// How many there may be.
    pub counts: Arc<ConnectionCounts>,
    /// The memory of their requests.
    pub memory: Arc<Memory>,
    /// What they have asked for.
    pub requests: Arc<Requests>,
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    connections: Arc<Connections>,
    socket: TcpListener,
    limits: Limits,
    shared: Shared,
}

impl Listener {
    /// Binds a listener. Port 0 takes a free one.
    pub async fn bind(
        connections: Arc<Connections>,
        address: &str,
        limits: Limits,
        shared: Shared,
    ) -> io::Result<Self> {
        let mut failed = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
        for address in tokio::net::lookup_host(address).await? {
            match listen(address, limits) {
                Ok(socket) => return Ok(Self { connections, socket, limits, shared }),
                Err(err) => failed = err,
            }
        }
        Err(failed)
    }

    /// The address that it is bound to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.connections.listener
    }

    /// Serves connections until `stop` says true; then answers what is under way, and returns.
    pub async fn run(self, service: Arc<dyn Service>, mut stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        while let Some(accepted) = self.next(&mut tasks, &mut stop).await {
            match accepted {
                Ok(Some((stream, address, counted))) => {
                    if let Ok(connection) = self.connection(stream, address, &service) {
                        tasks.spawn(self.serve(connection, counted, stop.clone()));
                    }
                }
                Ok(None) => {}
                Err(err) => {
                    tracing::warn!(listener = self.name(), %err, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let drained = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.stop, drained).await.is_err() {
            tracing::warn!(
                listener = self.name(),
                connections = tasks.len(),
                "connections were cut off: their requests took too long"
            );
        }
    }

    /// Waits for a connection; `None` if the broker stops. A connection that has to wait for room is not given up when
    /// others end.
    async fn next(
        &self,
        tasks: &mut JoinSet<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<io::Result<Accepted>> {
        let accept = self.accept();
        tokio::pin!(accept);
        while !*stop.borrow() {
            tokio::select! {
                accepted = &mut accept => return Some(accepted),
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                _ = stop.changed() => {}
            }
        }
        None
    }

    /// Waits for a connection, and then until there is room for it.
    async fn accept(&self) -> io::Result<Accepted> {
        let (stream, client) = self.socket.accept().await?;
        match self.shared.counts.enter(&self.connections.listener, client.ip()).await {
            Ok(counted) => Ok(Some((stream, client, counted))),
            Err(TooManyFromIp { max }) => {
                self.connections.on_refused();
                tracing::warn!(
                    listener = self.name(),
                    client = %client.ip(),
                    max,
                    "connection refused: max.connections.per.ip is reached"
                );
                Ok(None)
            }
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        service: &Arc<dyn Service>,
    ) -> io::Result<Connection> {
        let local = stream.local_addr()?;
        // Answers are written whole, so waiting for more to send with them only delays them.
        stream.set_nodelay(true)?;
        let Shared { memory, requests, .. } = &self.shared;
        Ok(Connection {
            stream,
            peer: Peer { address, local, listener: Arc::clone(&self.connections.listener) },
            reader: FrameReader::new(Arc::clone(memory), self.limits.frame_bytes_max),
            service: Arc::clone(service),
            limits: self.limits,
            requests: Arc::clone(requests),
        })
    }

    fn serve(
        &self,
        connection: Connection,
        counted: Counted,
        stop: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let connections = Arc::clone(&self.connections);
        connections.on_accepted();
        async move {
            let end = connection.run(stop).await;
            connections.on_closed(end);
            drop(counted);
        }
    }
}

fn listen(address: SocketAddr, limits: Limits) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As the standard library does: a broker comes back at once to where it was.
    socket.set_reuseaddr(true)?;
    // Connections have it from the socket that accepts them.
    if let Some(bytes) = limits.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    socket.listen(limits.backlog.max(BACKLOG_MIN))
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::socket_send_buffer_size;

    use super::*;

    #[tokio::test]
    async fn connections_have_the_send_buffer_of_the_setting() {
        let limit = Duration::MAX;
        for send_buffer_bytes in [None, Some(50_000), Some(150_000)] {
            let limits = Limits {
                frame_bytes_max: 1,
                idle: limit,
                slow: limit,
                stop: limit,
                backlog: 1,
                send_buffer_bytes,
            };
            let listener = listen("127.0.0.1:0".parse().unwrap(), limits).unwrap();
            let connected = TcpStream::connect(listener.local_addr().unwrap());
            let (connected, accepted) = tokio::join!(connected, listener.accept());
            // Linux takes twice what it is given, for its own needs.
            let expected = match send_buffer_bytes {
                Some(bytes) => bytes as usize * 2,
                None => socket_send_buffer_size(connected.unwrap()).unwrap(),
            };
            assert_eq!(socket_send_buffer_size(accepted.unwrap().0).unwrap(), expected);
        }
    }
}
