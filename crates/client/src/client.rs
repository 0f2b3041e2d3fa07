//! A cluster, as one who asks it sees it: which connection leads to whom, and who leads what.
//!
//! Connections are made when they are first needed, one an address, and made anew after they broke. What was learnt of
//! leaders is kept until a broker says that it is wrong.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::messages::Call;
use protocol::{BrokerId, ErrorCode, PartitionId, TopicPartition};
use tokio::sync::Mutex as AsyncMutex;

use crate::metadata::{self, Metadata, TopicMetadata, Topics};
use crate::{Backoff, ClientOptions, Connection, Error};

/// From the first of these on, an unknown topic is not created unless that is asked for. Version 13 adds an error to the
/// whole answer, for clients that ask one cluster for days.
const METADATA_VERSIONS: RangeInclusive<i16> = 4..=12;

/// A cluster to ask. Clones share connections and what is known.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    /// By address. The lock of one is held while it is connected to, so that nobody does so twice.
    connections: Mutex<HashMap<String, Arc<AsyncMutex<Option<Connection>>>>>,
    /// The one that [`Client::any`] found last: an address that does not answer costs its time only once.
    any: Mutex<Option<Connection>>,
    /// What was learnt last: all brokers, and the topics that were asked for since they were last wrong.
    known: Mutex<Metadata>,
}

impl Client {
    /// A client of the cluster that is behind the options' bootstrap addresses. Nothing is connected yet.
    pub fn new(options: ClientOptions) -> Self {
        let inner = Inner {
            options,
            connections: Mutex::default(),
            any: Mutex::default(),
            known: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What it was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// The connection to an address, made if there is none.
    pub async fn connection(&self, address: &str) -> Result<Connection, Error> {
        let slot = {
            let mut connections = lock(&self.inner.connections);
            Arc::clone(connections.entry(address.to_owned()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = Connection::open(address, self.options()).await?;
        *slot = Some(connection.clone());
        Ok(connection)
    }

    /// A connection to any broker: the first that can be reached, bootstrap addresses before those that they told of.
    pub async fn any(&self) -> Result<Connection, Error> {
        let last = lock(&self.inner.any).clone();
        if let Some(connection) = last.filter(|connection| !connection.is_closed()) {
            return Ok(connection);
        }
        let mut addresses = self.options().bootstrap.clone();
        addresses.extend(lock(&self.inner.known).brokers.values().map(|broker| broker.address()));
        let mut failures = Vec::new();
        for address in addresses {
            match self.connection(&address).await {
                Ok(connection) => {
                    *lock(&self.inner.any) = Some(connection.clone());
                    return Ok(connection);
                }
                Err(Error::Connect { address, reason }) => failures.push((address, reason)),
                Err(other) => return Err(other),
            }
        }
        failures.dedup();
        let mut failures = failures.into_iter();
        let (mut address, mut reason) = failures.next().unwrap_or_default();
        for (other, why) in failures {
            address = format!("{address}, {other}");
            if !reason.contains(&why) {
                reason = format!("{reason}; {why}");
            }
        }
        Err(Error::Connect { address, reason })
    }

    /// A connection to one broker.
    pub async fn broker(&self, id: BrokerId) -> Result<Connection, Error> {
        let known = |client: &Self| {
            lock(&client.inner.known).brokers.get(&id).map(|broker| broker.address())
        };
        if let Some(address) = known(self) {
            return self.connection(&address).await;
        }
        self.metadata(Topics::Named(&[])).await?;
        let address = known(self).ok_or_else(|| {
            let code = ErrorCode::BrokerNotAvailable.code();
            Error::refused(format!("broker {id}"), code, Some("the cluster has no such broker now"))
        })?;
        self.connection(&address).await
    }

    /// Asks any broker, in the newest version that both speak.
    pub async fn call<R: Call>(&self, request: R) -> Result<R::Response, Error> {
        self.any().await?.call(request).await
    }

    /// Asks any broker, in one of these versions.
    pub async fn call_in<R: Call>(
        &self,
        versions: RangeInclusive<i16>,
        request: R,
    ) -> Result<R::Response, Error> {
        self.any().await?.call_in(versions, request).await
    }

    /// Asks the cluster about itself, without creating what is not there.
    pub async fn metadata(&self, topics: Topics<'_>) -> Result<Metadata, Error> {
        self.ask_metadata(topics, false).await
    }

    async fn ask_metadata(&self, topics: Topics<'_>, creates: bool) -> Result<Metadata, Error> {
        let request = metadata::request(topics, creates);
        let response = self.call_in(METADATA_VERSIONS, request).await?;
        let metadata = Metadata::from(response);
        let mut known = lock(&self.inner.known);
        known.cluster_id.clone_from(&metadata.cluster_id);
        known.controller = metadata.controller;
        known.brokers.clone_from(&metadata.brokers);
        let topics = metadata.topics.iter().filter(|(_, topic)| topic.error.is_none());
        known.topics.extend(topics.map(|(name, topic)| (name.clone(), topic.clone())));
        drop(known);
        Ok(metadata)
    }

    /// What is known of a topic; asked for if nothing is. A topic that is not there is an error.
    pub async fn topic(&self, name: &str) -> Result<TopicMetadata, Error> {
        self.find_topic(name, false).await
    }

    /// The same, but a broker that creates topics by itself is given the chance.
    pub async fn topic_or_create(&self, name: &str) -> Result<TopicMetadata, Error> {
        self.find_topic(name, true).await
    }

    async fn find_topic(&self, name: &str, creates: bool) -> Result<TopicMetadata, Error> {
        let mut backoff = Backoff::new(self.options().retry_timeout);
        loop {
            if let Some(topic) = lock(&self.inner.known).topics.get(name) {
                return Ok(topic.clone());
            }
            let metadata = self.ask_metadata(Topics::Named(&[name]), creates).await?;
            let code = match metadata.topics.get(name) {
                Some(TopicMetadata { error: None, .. }) => continue,
                Some(TopicMetadata { error: Some(code), .. }) => *code,
                None => ErrorCode::UnknownTopicOrPartition,
            };
            let is_final = code == ErrorCode::UnknownTopicOrPartition && !creates;
            if is_final || !code.is_retriable() || !backoff.wait().await {
                let message = (code == ErrorCode::UnknownTopicOrPartition)
                    .then_some("the cluster has no such topic");
                return Err(Error::refused(format!("topic {name}"), code.code(), message));
            }
        }
    }

    /// Forgets who leads the partitions of a topic, because a broker has said that it does not.
    pub(crate) fn forget(&self, topic: &str) {
        lock(&self.inner.known).topics.remove(topic);
    }

    /// Who leads a partition. An error that may pass if there is nobody, and one that will not if there is no partition.
    pub(crate) async fn leader(&self, partition: &TopicPartition) -> Result<BrokerId, Error> {
        let topic = self.topic(&partition.topic).await?;
        let what = || format!("partition {partition}");
        match topic.partition(partition.partition) {
            Some(found) => found.leader.ok_or_else(|| {
                self.forget(&partition.topic);
                Error::refused(what(), ErrorCode::LeaderNotAvailable.code(), None)
            }),
            None => {
                let count = topic.partition_count();
                let message = format!("the topic has {count} partitions, numbered from 0");
                Err(Error::refused(what(), ErrorCode::InvalidPartitions.code(), Some(&message)))
            }
        }
    }

    /// Asks the leader of a partition, again and again while the answer is that somebody else is it. A topic that is not
    /// there is an error at once.
    pub async fn with_leader<T, F>(
        &self,
        partition: &TopicPartition,
        mut ask: impl FnMut(Connection) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.topic(&partition.topic).await?;
        let mut backoff = Backoff::new(self.options().retry_timeout);
        loop {
            let asked = async {
                let leader = self.leader(partition).await?;
                ask(self.broker(leader).await?).await
            };
            match asked.await {
                Err(err) if err.is_retriable() && backoff.wait().await => {
                    self.forget(&partition.topic);
                }
                result => return result,
            }
        }
    }

    /// Sorts partitions by their leaders. Waits for those that have none, but not for ever.
    pub(crate) async fn by_leader<T>(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, T)>,
    ) -> Result<BTreeMap<BrokerId, Vec<(TopicPartition, T)>>, Error> {
        let mut backoff = Backoff::new(self.options().retry_timeout);
        let mut sorted = BTreeMap::<_, Vec<_>>::new();
        for (partition, item) in partitions {
            let leader = loop {
                match self.leader(&partition).await {
                    Err(err) if err.is_retriable() && backoff.wait().await => {}
                    result => break result?,
                }
            };
            sorted.entry(leader).or_default().push((partition, item));
        }
        Ok(sorted)
    }

    /// All partitions of a topic.
    pub async fn partitions(&self, topic: &str) -> Result<Vec<TopicPartition>, Error> {
        let name: Arc<str> = topic.into();
        let count = self.topic(topic).await?.partition_count();
        Ok((0..count).map(|id| TopicPartition::new(Arc::clone(&name), PartitionId(id))).collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
