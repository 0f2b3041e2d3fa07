//! Settings of the broker that take effect while it runs, apart from those that topics and groups take over.

use std::sync::Arc;

use config::{BrokerConfig, Settings};
use storage::Storage;

use crate::listeners::connection_limits;
use crate::net::ConnectionCounts;

/// Whoever goes by such settings.
#[derive(Debug)]
pub(crate) struct Dynamic {
    pub(crate) counts: Arc<ConnectionCounts>,
    pub(crate) storage: Arc<Storage>,
}

impl Dynamic {
    /// Lets the broker go by `effective`, what its layers of settings come to.
    pub(crate) fn apply(&self, effective: &Settings) {
        match BrokerConfig::new(effective) {
            Ok(config) => {
                self.counts.set_limits(connection_limits(&config));
                self.storage.set_config(config.storage);
            }
            // They were checked together before they were committed, but what the broker was started with may have changed.
            Err(err) => {
                tracing::error!(%err, "settings from the metadata do not fit those of the start, and are passed over");
            }
        }
    }
}
