//! The cluster as a client sees it through the listener that it came by: a broker without that listener cannot be
//! reached, and its replicas count as away (`KRaftMetadataCache`).

use controller::image::{self, Image, Partition};
use protocol::BrokerId;

use crate::broker::Broker;
use crate::net::Peer;

/// A broker, and where a client reaches it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: BrokerId,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rack: Option<String>,
    pub(crate) is_fenced: bool,
}

/// The cluster as one client sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) image: &'a Image,
    pub(crate) peer: &'a Peer,
}

impl View<'_> {
    /// The brokers that the client can reach, in the order of their ids.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        self.image.brokers().filter_map(|broker| self.endpoint(broker))
    }

    /// The leader, if the client can reach it.
    pub(crate) fn leader(&self, partition: &Partition) -> Option<BrokerId> {
        let leader = partition.leader?;
        self.image.broker(leader).filter(|broker| self.has_listener(broker)).map(|_| leader)
    }

    /// Those of `replicas` that are alive and that the client can reach.
    pub(crate) fn alive(&self, replicas: &[BrokerId]) -> Vec<BrokerId> {
        replicas.iter().copied().filter(|id| self.is_alive(*id)).collect()
    }

    /// The replicas that nobody can read: their broker is away, or the disk that they are on.
    pub(crate) fn offline(&self, partition: &Partition) -> Vec<BrokerId> {
        let is_online = |id: BrokerId| {
            let directory = partition.directory_of(id);
            let has_directory = |broker: &image::Broker| {
                directory.is_none_or(|directory| broker.has_online_dir(directory))
            };
            self.is_alive(id) && self.image.broker(id).is_some_and(|broker| has_directory(broker))
        };
        partition.replicas.iter().copied().filter(|id| !is_online(*id)).collect()
    }

    fn is_alive(&self, id: BrokerId) -> bool {
        let broker = self.image.broker(id);
        broker.is_some_and(|broker| !broker.is_fenced && self.has_listener(broker))
    }

    fn has_listener(&self, broker: &image::Broker) -> bool {
        broker.id == self.broker.node_id || broker.endpoint(&self.peer.listener).is_some()
    }

    fn endpoint(&self, broker: &image::Broker) -> Option<Endpoint> {
        let (host, port) = if broker.id == self.broker.node_id {
            self.broker.address_for(self.peer)
        } else {
            let endpoint = broker.endpoint(&self.peer.listener)?;
            (endpoint.host.clone(), endpoint.port)
        };
        let (rack, is_fenced) = (broker.rack.clone(), broker.is_fenced);
        Some(Endpoint { id: broker.id, host, port, rack, is_fenced })
    }
}
