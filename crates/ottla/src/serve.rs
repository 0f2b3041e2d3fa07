//! `ottla serve`: loads the settings, starts the broker, waits for a signal, stops the broker.

use std::error::Error;
use std::io::Write;

use broker::RunningBroker;
use config::BrokerSettings;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::ServeArguments;

/// What is logged unless `RUST_LOG` says otherwise.
const LOG_FILTER: &str = "info";

/// Serves until the process is asked to stop.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    // Standard output carries the line that says that we are ready, for scripts; the log goes to standard error.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let settings = BrokerSettings::load(arguments.config.as_deref(), &arguments.sets, environment)?;
    for variable in settings.ignored() {
        tracing::warn!(variable, "environment variable resembles no setting and is ignored");
    }
    let config = settings.config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let broker = broker::start(config, settings.settings().clone()).await?;
        say_ready(&broker)?;
        let name = signals.next().await;
        tracing::info!(signal = name, "stopping");
        broker.stop().await?;
        tracing::info!("stopped");
        Ok(())
    })
}

/// The contract with scripts: one line, when connections are accepted.
fn say_ready(broker: &RunningBroker) -> std::io::Result<()> {
    let listeners = broker.addresses().iter().map(|(name, address)| format!(" {name}://{address}"));
    let mut out = std::io::stdout().lock();
    writeln!(out, "ottla ready{}", listeners.collect::<String>())?;
    out.flush()
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
