//! What connections may use.

use crate::broker::per_listener;
use crate::error::Error;
use crate::listener::Listener;
use crate::reader::Reader;
use crate::value::Value;

/// The memory for requests where nobody sets it. A frame holds its memory until it is answered, and a consumer that
/// waits holds a few hundred bytes, so that this is far more than what a working broker needs.
const REQUESTS_BYTES_MAX: u64 = 256 << 20;

/// The limits of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    /// `socket.request.max.bytes`.
    pub request_bytes_max: u32,
    /// `queued.max.request.bytes`, or what stands for -1: the memory for the requests of all connections, at least
    /// `request_bytes_max`.
    pub requests_bytes_max: u64,
    /// `connections.max.idle.ms`; `None` closes no connection for being idle.
    pub connections_max_idle_ms: Option<u64>,
    /// `max.connections`.
    pub max_connections: usize,
    /// `max.connections` of single listeners (`listener.name.<name>.max.connections`), by their names.
    pub max_connections_by_listener: Vec<(String, usize)>,
    /// `max.connections.per.ip`.
    pub max_connections_per_ip: usize,
    /// `max.connections.per.ip.overrides`: hosts, by address or by name, and their limits.
    pub max_connections_per_ip_overrides: Vec<(String, usize)>,
    /// `socket.listen.backlog.size`.
    pub listen_backlog: u32,
    /// `socket.send.buffer.bytes`; `None` leaves it to the kernel.
    pub send_buffer_bytes: Option<u32>,
}

impl NetworkConfig {
    pub(super) fn read<F: Fn(&str) -> Option<Value>>(
        reader: &Reader<F>,
        listeners: &[Listener],
    ) -> Result<Self, Error> {
        let by_listener = listeners.iter().filter_map(|listener| {
            let max = (reader.0)(&per_listener::max_connections(&listener.name))?;
            Some((listener.name.clone(), max.to_string().parse().ok()?))
        });
        let request_bytes_max: u32 = reader.number("socket.request.max.bytes");
        let overrides = overrides(reader)?;
        let max_connections_per_ip = reader.number("max.connections.per.ip");
        if max_connections_per_ip == 0 && overrides.is_empty() {
            let reason = "nobody could connect without max.connections.per.ip.overrides";
            return Err(reader.refuse("max.connections.per.ip", reason));
        }
        let idle = reader.long("connections.max.idle.ms");
        if idle >= 0 && reader.long("connection.failed.authentication.delay.ms") >= idle {
            let reason = "it is not above connection.failed.authentication.delay.ms";
            return Err(reader.refuse("connections.max.idle.ms", reason));
        }
        Ok(Self {
            request_bytes_max,
            requests_bytes_max: requests_bytes_max(reader, request_bytes_max.into())?,
            connections_max_idle_ms: u64::try_from(idle).ok(),
            max_connections: reader.number("max.connections"),
            max_connections_by_listener: by_listener.collect(),
            max_connections_per_ip,
            max_connections_per_ip_overrides: overrides,
            listen_backlog: reader.number("socket.listen.backlog.size"),
            send_buffer_bytes: Some(reader.number("socket.send.buffer.bytes"))
                .filter(|bytes| *bytes > 0),
        })
    }
}

fn requests_bytes_max<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
    request_bytes_max: u64,
) -> Result<u64, Error> {
    match u64::try_from(reader.long("queued.max.request.bytes")) {
        Err(_) | Ok(0) => Ok(REQUESTS_BYTES_MAX.max(request_bytes_max)),
        Ok(bytes) if bytes < request_bytes_max => {
            let reason = format!("socket.request.max.bytes is larger, {request_bytes_max}");
            Err(reader.refuse("queued.max.request.bytes", reason))
        }
        Ok(bytes) => Ok(bytes),
    }
}

fn overrides<F: Fn(&str) -> Option<Value>>(
    reader: &Reader<F>,
) -> Result<Vec<(String, usize)>, Error> {
    let key = "max.connections.per.ip.overrides";
    let text = reader.string(key);
    let limit = |(host, limit): (&str, &str)| Some((host.to_owned(), limit.parse().ok()?));
    crate::listener::parse_map(&text)
        .and_then(|pairs| pairs.into_iter().map(limit).collect())
        .ok_or_else(|| reader.refuse(key, "it is a list of host:number"))
}
