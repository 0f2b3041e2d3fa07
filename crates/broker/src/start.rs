//! Starting the broker in order, and stopping it in reverse.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::{BrokerConfig, Settings, TopicConfig};
use controller::decide::{ApiError, FEATURES, Registration, register_broker, unfence_broker};
use controller::{MetadataLog, Quorum as _};
use protocol::Offset;
use protocol::internal::metadata::Endpoint;
use storage::disk::RealDisk;
use storage::{Housekeeper, Storage, StorageOptions};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::{Broker, Door, LogObserver, now};
use crate::drivers::cluster_view::ClusterView;
use crate::drivers::groups::Groups;
use crate::drivers::metadata::{Defaults, Metadata};
use crate::drivers::producer_ids::ProducerIds;
use crate::drivers::transactions::{MarkerWriter, Transactions};
use crate::dynamic::Dynamic;
use crate::flusher::Flusher;
use crate::handlers::Sessions;
use crate::loggers::Loggers;
use crate::net::{Listener, Service};
use crate::partitions::Partitions;
use crate::status::{LagClock, Phase, PhaseCell, Status};
use crate::{listeners, open_files};

/// Markers that could not be written are tried again so often: a partition that moves is back within a moment.
const MARKER_RETRY: Duration = Duration::from_millis(100);

/// Why the broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A log directory or a log cannot be used.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The metadata cannot be changed as a start needs it.
    #[error("cannot register with the controller: {0}")]
    Registration(#[from] ApiError),
    /// The metadata log cannot be used.
    #[error(transparent)]
    Metadata(#[from] controller::log::Error),
    /// A listener cannot be bound.
    #[error("cannot listen on {address} ({name}): {source}")]
    Listen {
        /// The listener's name.
        name: String,
        /// Where it was to listen.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A broker that accepts connections.
#[derive(Debug)]
pub struct RunningBroker {
    broker: Arc<Broker>,
    housekeeper: Housekeeper,
    addresses: Vec<(String, SocketAddr)>,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
}

/// Starts a broker that cannot change the levels of its loggers. When it returns, connections are accepted.
pub async fn start(config: BrokerConfig, settings: Settings) -> Result<RunningBroker, StartError> {
    start_with(config, settings, Loggers::fixed()).await
}

/// Starts a broker. When it returns, connections are accepted.
pub async fn start_with(
    config: BrokerConfig,
    settings: Settings,
    loggers: Loggers,
) -> Result<RunningBroker, StartError> {
    let opening = tokio::task::spawn_blocking(move || open(config, settings, loggers));
    let (broker, housekeeper, previous_epoch) = opening.await.map_err(std::io::Error::other)??;
    let (stop, stopped) = watch::channel(false);
    let mut listeners = JoinSet::new();
    let service: Arc<dyn Service> = Arc::new(Door(Arc::clone(&broker)));
    let bound = listeners::bind(&broker.config, &broker.shared, &broker.connections).await?;
    let address = |socket: &Listener| Ok((socket.name().to_owned(), socket.address()?));
    let addresses = bound.iter().map(address).collect::<std::io::Result<Vec<_>>>()?;
    register(&broker, &addresses, previous_epoch).await?;
    let groups = Arc::clone(&broker.groups);
    listeners.spawn(run_timers(groups, stopped.clone()));
    listeners.spawn(run_transactions(Arc::clone(&broker), stopped.clone()));
    for socket in bound {
        listeners.spawn(socket.run(Arc::clone(&service), stopped.clone()));
    }
    broker.phase.set(Phase::Serving);
    Ok(RunningBroker { broker, housekeeper, addresses, stop, listeners })
}

impl RunningBroker {
    /// The listeners and the addresses that they are bound to.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    #[cfg(test)]
    pub(crate) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The broker, to be looked at.
    pub fn status(&self) -> Status {
        Status(Arc::clone(&self.broker))
    }

    /// Stops: answers what is under way, and closes the logs so that the next start need not recover anything.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.broker.phase.set(Phase::Stopping);
        // The receivers are the listeners, which may have ended by themselves.
        let _heard = self.stop.send(true);
        let groups = Arc::clone(&self.broker.groups);
        // Who waits for a group to rebalance is told to look for another coordinator, so that nobody waits for it here.
        tokio::task::spawn_blocking(move || groups.stop()).await.map_err(std::io::Error::other)?;
        while self.listeners.join_next().await.is_some() {}
        let (broker, housekeeper) = (self.broker, self.housekeeper);
        let closing = tokio::task::spawn_blocking(move || {
            broker.transactions.stop();
            broker.flusher.stop();
            housekeeper.stop();
            broker.metadata.close()?;
            broker.storage.close(broker.epoch())?;
            Ok(())
        });
        closing.await.map_err(std::io::Error::other)?
    }
}

/// Runs the timers of the groups until the broker stops.
async fn run_timers(groups: Arc<Groups>, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = groups.run_timers() => {}
        _ = stopped.changed() => {}
    }
}

/// Runs the timers of the transactions until the broker stops.
async fn run_transactions(broker: Arc<Broker>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = broker.transactions.due() => {
                // A transaction that is aborted may need a new id to go on with.
                if let Err(err) = ProducerIds::reserve(&broker).await {
                    tracing::warn!(%err, "there are no producer ids to be had");
                }
                broker.transactions.run_due();
            }
            _ = stopped.changed() => return,
        }
    }
}

/// Opens the logs and the metadata. Returns the broker, who looks after its logs, and the epoch in which they were closed;
/// -1 if they were not.
fn open(
    config: BrokerConfig,
    settings: Settings,
    loggers: Loggers,
) -> Result<(Arc<Broker>, Housekeeper, i64), StartError> {
    let observer = Arc::new(LogObserver::default());
    let options = storage_options(&config, &observer);
    // What the topics' own settings are is known when the metadata has been read, which lies in one of the directories.
    let defaults = Arc::new(TopicConfig::default());
    let (storage, report) = Storage::open(&options, &|_| Arc::clone(&defaults))?;
    tracing::info!(?report, "opened the logs");
    let (dir, _) = storage.dirs().next().expect("a broker has a log directory");
    let log = MetadataLog::open(&controller::log::OpenOptions {
        dir: dir.path().to_path_buf(),
        disk: Arc::new(RealDisk),
        node_id: config.node_id,
        cluster_id: storage.cluster_id(),
        settings: &settings,
        config: &config.metadata_log,
        now: now(),
    })?;
    let image = Arc::new(ArcSwap::from_pointee(log.image().clone()));
    let partitions = Arc::new(Partitions::default());
    // Whoever opened the logs has no partitions before this; nobody waits for any.
    let _first = observer.partitions.set(Arc::downgrade(&partitions));
    // What the cluster is like is told when its metadata are adopted, before any group is loaded.
    let view = ClusterView::new(image.load_full(), Offset(-1), settings.clone());
    let partition_count = config.groups.offsets.topic.num_partitions;
    let groups = Arc::new(Groups::new(group_settings(&config), view, partition_count));
    let producer_ids = Arc::new(ProducerIds::default());
    let markers =
        MarkerWriter::new(Arc::clone(&partitions), Arc::clone(&groups), Arc::clone(&image));
    let transactions = Transactions::new(
        transaction_settings(&config),
        config.transactions.topic.num_partitions,
        Arc::clone(&producer_ids),
        Arc::clone(&image),
        markers,
    );
    let shared = listeners::shared(&config);
    let dynamic = Dynamic { counts: Arc::clone(&shared.counts), storage: Arc::clone(&storage) };
    let metadata = Arc::new(Metadata::new(
        Arc::clone(&image),
        log,
        Defaults { node_id: config.node_id, topics: config.topics.clone(), settings, dynamic },
        Arc::clone(&storage),
        Arc::clone(&partitions),
        (Arc::clone(&groups), Arc::clone(&transactions)),
    ));
    metadata.adopt(now());
    let broker = Arc::new(Broker {
        node_id: config.node_id,
        image,
        metadata,
        partitions,
        flusher: Flusher::start()?,
        fetch_sessions: Sessions::new(config.requests.fetch_sessions_max),
        groups,
        transactions,
        producer_ids,
        advertised: config.advertised_listeners.clone(),
        shared,
        connections: listeners::connections(&config),
        loggers,
        phase: PhaseCell::default(),
        lag_clock: LagClock::default(),
        storage: Arc::clone(&storage),
        config,
    });
    let housekeeper = Housekeeper::start(&storage)?;
    // After a crash the broker must not say that it still has all that it acknowledged (KIP-966).
    Ok((broker, housekeeper, report.clean_epoch.unwrap_or(-1)))
}

fn storage_options(config: &BrokerConfig, observer: &Arc<LogObserver>) -> StorageOptions {
    StorageOptions {
        config: config.storage.clone(),
        node_id: config.node_id,
        cluster_id: None,
        disk: Arc::new(RealDisk),
        observer: Arc::clone(observer) as _,
        open_files_max: open_files::for_logs(),
        free_bytes_min: config.storage.free_bytes_min,
        now: now(),
    }
}

/// Tells the controller that this broker is here, and where.
async fn register(
    broker: &Arc<Broker>,
    addresses: &[(String, SocketAddr)],
    previous_epoch: i64,
) -> Result<(), StartError> {
    let endpoint = |(name, address): &(String, SocketAddr)| {
        let advertised = broker.advertised.iter().flatten().find(|listener| listener.name == *name);
        let (host, port) = advertised.map_or_else(
            || (address.ip().to_string(), address.port()),
            |listener| (listener.host.clone(), listener.port),
        );
        Endpoint { name: name.clone(), host, port, security_protocol: 0 }
    };
    let features = FEATURES.iter().map(|feature| (feature.name.to_owned(), feature.levels));
    let registration = Registration {
        id: broker.node_id,
        cluster_id: broker.storage.cluster_id().to_owned(),
        incarnation_id: *uuid::Uuid::new_v4().as_bytes(),
        endpoints: addresses.iter().map(endpoint).collect(),
        features: features.collect(),
        rack: broker.config.rack.clone(),
        log_dirs: broker.storage.dirs().map(|(_, id)| id).collect(),
        previous_epoch,
        new_epoch: broker.metadata.next_epoch(),
        // We hold the locks of the directories, so the process that was registered before is gone.
        is_in_use: false,
    };
    broker.decide(move |cluster| register_broker(cluster, &registration)).await??;
    let (node_id, epoch) = (broker.node_id, broker.epoch());
    broker.decide(move |cluster| unfence_broker(cluster, node_id, epoch)).await??;
    Ok(())
}

pub(crate) fn group_settings(config: &BrokerConfig) -> coordinator::Settings {
    let groups = &config.groups;
    let millis = |ms: u64| i32::try_from(ms).unwrap_or(i32::MAX);
    coordinator::Settings {
        group_min_session_timeout_ms: millis(groups.classic.min_session_timeout_ms),
        group_max_session_timeout_ms: millis(groups.classic.max_session_timeout_ms),
        group_initial_rebalance_delay: Duration::from_millis(
            groups.classic.initial_rebalance_delay_ms,
        ),
        group_max_size: groups.classic.max_size,
        consumer_protocol: groups.consumer_protocol,
        consumer: groups.consumer.clone(),
        offset_metadata_max_bytes: groups.offsets.metadata_max_bytes,
        offsets_retention_ms: i64::try_from(groups.offsets.retention_ms).unwrap_or(i64::MAX),
        offsets_retention_check_interval: Duration::from_millis(
            groups.offsets.retention_check_interval_ms,
        ),
        offsets_commit_timeout: Duration::from_millis(groups.offsets.commit_timeout_ms),
        append_bytes_max: TopicConfig::default().max_message_bytes as usize,
    }
}

fn transaction_settings(config: &BrokerConfig) -> coordinator::txn::Settings {
    let transactions = &config.transactions;
    coordinator::txn::Settings {
        transaction_max_timeout_ms: i32::try_from(transactions.max_timeout_ms).unwrap_or(i32::MAX),
        transactional_id_expiration_ms: i64::try_from(transactions.id_expiration_ms)
            .unwrap_or(i64::MAX),
        abort_interval: Duration::from_millis(transactions.abort_check_interval_ms),
        expire_interval: Duration::from_millis(transactions.expiration_check_interval_ms),
        marker_retry: MARKER_RETRY,
        commit_timeout: Duration::from_millis(config.groups.offsets.commit_timeout_ms),
    }
}
