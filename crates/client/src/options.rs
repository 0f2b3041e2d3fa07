//! What a client is told at its start.

use std::time::Duration;

/// How to reach a cluster, and how long to try.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Addresses, `host:port`, of which one is enough to learn the others from.
    pub bootstrap: Vec<String>,
    /// What the broker's logs and quotas call us.
    pub client_id: String,
    /// How long a connection may take, handshake included.
    pub connect_timeout: Duration,
    /// How long an answer may take before the connection is given up, besides the time that a request itself allows.
    pub request_timeout: Duration,
    /// How long what may succeed later is tried again.
    pub retry_timeout: Duration,
    /// The largest answer that is taken. A fetch is larger than its `max_bytes` by up to one batch.
    pub frame_bytes_max: usize,
}

impl ClientOptions {
    /// The defaults, for a cluster that is reached at `bootstrap`.
    pub fn new(bootstrap: Vec<String>) -> Self {
        Self {
            bootstrap,
            client_id: "ottla".to_owned(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            retry_timeout: Duration::from_secs(30),
            frame_bytes_max: 128 << 20,
        }
    }
}
