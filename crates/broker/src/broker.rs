//! The broker as its handlers see it: what it leads, what it knows of the cluster, and who does the waiting work.

use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use bytes::Bytes;
use config::{BrokerConfig, Listener};
use controller::decide::{ApiError, Cluster, Decision};
use controller::image::Image;
use protocol::frame::RequestHeader;
use protocol::{BrokerId, ErrorCode, Timestamp};
use storage::dir::Observer;
use storage::{Log, Storage};
use tokio::task::JoinHandle;

use crate::drivers::groups::Groups;
use crate::drivers::metadata::Metadata;
use crate::drivers::producer_ids::ProducerIds;
use crate::drivers::transactions::Transactions;
use crate::flusher::Flusher;
use crate::handlers::{self, Call, Sessions};
use crate::loggers::Loggers;
use crate::metrics::Connections;
use crate::net::{Peer, Reply, Service, Shared};
use crate::partitions::Partitions;
use crate::status::{LagClock, PhaseCell};
use crate::topics;

/// What all requests go by.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) node_id: BrokerId,
    pub(crate) config: BrokerConfig,
    pub(crate) storage: Arc<Storage>,
    /// The cluster as of the last change.
    pub(crate) image: Arc<ArcSwap<Image>>,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) partitions: Arc<Partitions>,
    pub(crate) flusher: Flusher,
    pub(crate) fetch_sessions: Sessions,
    pub(crate) groups: Arc<Groups>,
    pub(crate) transactions: Arc<Transactions>,
    pub(crate) producer_ids: Arc<ProducerIds>,
    /// What clients are told to connect to, by listener; `None` tells each the address that it has reached.
    pub(crate) advertised: Option<Vec<Listener>>,
    /// What all connections share.
    pub(crate) shared: Shared,
    /// The connections, counted by listener.
    pub(crate) connections: Vec<Arc<Connections>>,
    pub(crate) loggers: Loggers,
    pub(crate) phase: PhaseCell,
    pub(crate) lag_clock: LagClock,
}

impl Broker {
    /// This broker's registration with the controller; -1 before it has registered.
    pub(crate) fn epoch(&self) -> i64 {
        self.image.load().broker(self.node_id).map_or(-1, |broker| broker.epoch)
    }

    /// Whether only the broker itself writes to the topic.
    pub(crate) fn is_internal(&self, topic: &str) -> bool {
        topics::INTERNAL.contains(&topic)
    }

    /// The host and port at which a client that is connected as `peer` reaches this broker.
    pub(crate) fn address_for(&self, peer: &Peer) -> (String, u16) {
        let advertised = self.advertised.iter().flatten();
        let listener = advertised.into_iter().find(|listener| listener.name == *peer.listener);
        listener.map_or_else(
            || (peer.local.ip().to_string(), peer.local.port()),
            |listener| (listener.host.clone(), listener.port),
        )
    }

    /// Like [`Self::decide`], but does not wait for longer than a client does: not at all for one that gives it no time, be
    /// it done as soon as it may. What takes longer is done all the same.
    pub(crate) async fn decide_within<A: Send + 'static>(
        &self,
        timeout_ms: i32,
        decide: impl FnOnce(&Cluster<'_>) -> Decision<A> + Send + 'static,
    ) -> Result<A, ApiError> {
        let work = self.begin(decide);
        let timeout = u64::try_from(timeout_ms).ok().filter(|timeout_ms| *timeout_ms > 0);
        let Some(timeout) = timeout.map(Duration::from_millis) else {
            return Err(ErrorCode::RequestTimedOut.into());
        };
        let decided = tokio::time::timeout(timeout, decision(work)).await;
        decided.unwrap_or_else(|_| Err(ErrorCode::RequestTimedOut.into()))
    }

    /// The same for a request that may want to know only what would come of it: a check changes nothing that could be waited
    /// for, and so is not timed.
    pub(crate) async fn decide_or_check<A: Send + 'static>(
        &self,
        validate_only: bool,
        timeout_ms: i32,
        decide: impl FnOnce(&Cluster<'_>) -> Decision<A> + Send + 'static,
    ) -> Result<A, ApiError> {
        match validate_only {
            true => self.decide(decide).await,
            false => self.decide_within(timeout_ms, decide).await,
        }
    }

    /// Decides a change of the metadata and commits it, on the blocking pool. The answer holds on this broker when it
    /// is returned: partitions have been made, deleted and configured accordingly.
    pub(crate) async fn decide<A: Send + 'static>(
        &self,
        decide: impl FnOnce(&Cluster<'_>) -> Decision<A> + Send + 'static,
    ) -> Result<A, ApiError> {
        decision(self.begin(decide)).await
    }

    /// The work goes on when nobody waits for it any more.
    fn begin<A: Send + 'static>(
        &self,
        decide: impl FnOnce(&Cluster<'_>) -> Decision<A> + Send + 'static,
    ) -> JoinHandle<Result<A, ApiError>> {
        let metadata = Arc::clone(&self.metadata);
        tokio::task::spawn_blocking(move || metadata.decide(now(), decide))
    }
}

async fn decision<A>(work: JoinHandle<Result<A, ApiError>>) -> Result<A, ApiError> {
    work.await.unwrap_or_else(|err| {
        let message = format!("the change was abandoned: {err}");
        Err(ApiError { code: ErrorCode::UnknownServerError, message })
    })
}

/// Serves connections from the broker.
#[derive(Debug)]
pub(crate) struct Door(pub(crate) Arc<Broker>);

impl Service for Door {
    fn call(&self, peer: &Peer, header: &RequestHeader, body: Bytes) -> Reply {
        let call = Call { peer, header, now: now() };
        handlers::dispatch(&self.0, &call, body)
    }

    fn disconnected(&self, _: &Peer) {}
}

/// Tells the waiting of what happens in the logs. It is made before the broker is.
#[derive(Debug, Default)]
pub(crate) struct LogObserver {
    pub(crate) partitions: OnceLock<Weak<Partitions>>,
}

impl LogObserver {
    fn partitions(&self) -> Option<Arc<Partitions>> {
        self.partitions.get().and_then(Weak::upgrade)
    }
}

impl Observer for LogObserver {
    fn on_flushed(&self, log: &Log) {
        let partitions = self.partitions();
        if let Some(partition) = partitions.and_then(|all| all.get(log.topic_partition())) {
            partition.wake();
        }
    }

    fn on_offline(&self, _: &Path, _: &str) {
        // Whoever waits for a flush in the directory waits in vain, and finds that out when it is woken.
        for partition in self.partitions().iter().flat_map(|partitions| partitions.all()) {
            partition.wake();
        }
    }
}

/// The time: the broker's one clock.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
