//! Who a node is, and that its cluster is one that works: so far, a cluster of one node that is broker and controller.

use protocol::ids::BrokerId;

use crate::error::Error;
use crate::listener::{HostPort, Listener};
use crate::reader::Reader;
use crate::settings::Settings;
use crate::value::Value;

/// `node.id` and `broker.id` are two names of one number (`AbstractKafkaConfig.populateSynonyms`).
pub(super) fn id(
    broker: &Settings,
    reader: &Reader<impl Fn(&str) -> Option<Value>>,
) -> Result<BrokerId, Error> {
    let (node, old) = (reader.long("node.id"), reader.long("broker.id"));
    let id = match (broker.get("node.id"), broker.get("broker.id")) {
        (Some(_), Some(_)) if node != old => {
            return Err(reader.refuse("broker.id", format!("node.id is another number, {node}")));
        }
        (None, Some(_)) => old,
        _ => node,
    };
    match i32::try_from(id) {
        Ok(id) if id >= 0 => Ok(BrokerId(id)),
        _ => Err(reader.refuse("broker.id", "the number of a node is at least 0")),
    }
}

/// Refuses what would make a user believe that this node is part of a larger cluster.
pub(super) fn check_cluster(
    reader: &Reader<impl Fn(&str) -> Option<Value>>,
    node_id: BrokerId,
    controllers: &[Listener],
) -> Result<(), Error> {
    const ONE_NODE: &str = "so far a cluster is one node, which is its own broker and controller";
    if reader.list("process.roles").len() != 2 {
        return Err(reader.refuse("process.roles", ONE_NODE));
    }
    let voters = reader.list("controller.quorum.voters");
    for voter in &voters {
        if parse_voter(voter).is_none() {
            let reason = format!("`{voter}` is not of the form id@host:port");
            return Err(reader.refuse("controller.quorum.voters", reason));
        }
    }
    if voters.iter().any(|voter| parse_voter(voter) != Some(node_id)) {
        let reason = format!("{ONE_NODE}: it has no voter but node {node_id}");
        return Err(reader.refuse("controller.quorum.voters", reason));
    }
    let servers = reader.list("controller.quorum.bootstrap.servers");
    for server in &servers {
        let Some(HostPort { port, .. }) = HostPort::parse(server) else {
            let reason = format!("`{server}` is not of the form host:port");
            return Err(reader.refuse("controller.quorum.bootstrap.servers", reason));
        };
        if !controllers.iter().any(|listener| listener.port == port) {
            let reason = format!("{ONE_NODE}, and {server} is none of its controller listeners");
            return Err(reader.refuse("controller.quorum.bootstrap.servers", reason));
        }
    }
    Ok(())
}

/// The number of a voter that is written as `id@host:port`.
fn parse_voter(text: &str) -> Option<BrokerId> {
    let (id, address) = text.split_once('@')?;
    HostPort::parse(address)?;
    id.parse().ok().map(BrokerId)
}
