//! Being asked to stop, for the commands that have something to leave in order.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// Ctrl-C and SIGTERM, from when it was made: one that comes while nobody waits is not missed.
#[derive(Debug)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::io("signals cannot be listened for"));
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits until we are asked to stop.
    pub(crate) async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
