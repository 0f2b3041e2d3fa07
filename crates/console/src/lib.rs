//! Metrics and health over HTTP, for Prometheus and for whoever watches over processes.
//!
//! It looks at the broker through [`broker::status::Status`] and can change nothing. It is there before the broker is and
//! after it has stopped, so that a broker that recovers its logs for an hour is known to be alive, and not to be ready.
//!
//! Reading order: `pages` (which page is where), `server` (HTTP, as little of it as that needs), `metrics`, `health`.
//!
//! Invariant: what a client sends or leaves unread costs a bounded amount of memory and time, and the broker nothing.

mod health;
mod metrics;
mod pages;
mod request;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use broker::status::Status;
use config::HostPort;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::pages::Pages;

/// The HTTP server.
#[derive(Debug)]
pub struct Console {
    address: SocketAddr,
    pages: Arc<Pages>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Console {
    /// Listens and serves; of a broker that is not there yet it says so. Port 0 takes a free one.
    pub async fn start(listener: &HostPort) -> io::Result<Self> {
        let socket = server::bind(&listener.host, listener.port).await?;
        let address = socket.local_addr()?;
        let pages = Arc::new(Pages::default());
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(server::run(socket, Arc::clone(&pages), stopped));
        Ok(Self { address, pages, stop, running })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows this broker from now on.
    pub fn attach(&self, broker: Status) {
        self.pages.attach(broker);
    }

    /// Ends.
    pub async fn stop(self) {
        // Nobody hears it if the server has ended by itself.
        let _heard = self.stop.send(true);
        let _ended = self.running.await;
    }
}

#[cfg(test)]
mod tests;
