//! `ottla serve`: loads the settings, starts the broker, waits for a signal, stops the broker.

use std::error::Error;
use std::io::Write;

use broker::{Loggers, RunningBroker};
use config::{BrokerConfig, BrokerSettings};
use console::Console;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

use crate::ServeArguments;

/// What is logged unless `RUST_LOG` says otherwise.
const LOG_FILTER: &str = "info";

/// Serves until the process is asked to stop.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Box<dyn Error>> {
    let loggers = start_log();
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
        // It is there before the broker and after it: the opening of the logs may take its time.
        let console = start_console(&config).await?;
        let broker = broker::start_with(config, settings.settings().clone(), loggers).await?;
        if let Some(console) = &console {
            console.attach(broker.status());
        }
        say_ready(&broker)?;
        let name = signals.next().await;
        tracing::info!(signal = name, "stopping");
        broker.stop().await?;
        if let Some(console) = console {
            console.stop().await;
        }
        tracing::info!("stopped");
        Ok(())
    })
}

/// Begins to log to standard error: standard output carries the line that says that we are ready, for scripts. The levels
/// can be changed from then on.
fn start_log() -> Loggers {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let directives = directives.filter(|directives| EnvFilter::try_new(directives).is_ok());
    let directives = directives.unwrap_or_else(|| LOG_FILTER.to_owned());
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&directives));
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(to_stderr).init();
    Loggers::new(&directives, move |directives| {
        let filter = EnvFilter::try_new(directives).map_err(|err| err.to_string())?;
        handle.reload(filter).map_err(|err| err.to_string())
    })
}

/// Serves metrics and health, if there is to be a port for them.
async fn start_console(config: &BrokerConfig) -> Result<Option<Console>, Box<dyn Error>> {
    let Some(listener) = &config.http_listener else { return Ok(None) };
    let console = Console::start(listener).await.map_err(|err| {
        format!("cannot listen on {}:{} (ottla.http.listener): {err}", listener.host, listener.port)
    })?;
    tracing::info!(address = %console.address(), "metrics and health are served over HTTP");
    Ok(Some(console))
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
