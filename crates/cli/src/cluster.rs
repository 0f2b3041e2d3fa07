//! `ottla cluster`.

use std::collections::BTreeMap;

use clap::Args;
use client::Topics;
use protocol::messages::ApiVersionsResponse;
use serde::Serialize;

use crate::Error;
use crate::connect::Connect;
use crate::output::Output;
use crate::table::{Table, or_dash};

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Cluster {
    cluster_id: Option<String>,
    controller: Option<i32>,
    brokers: Vec<Broker>,
    features: BTreeMap<String, Feature>,
    topics: usize,
    partitions: usize,
}

#[derive(Debug, Serialize)]
struct Broker {
    id: i32,
    host: String,
    port: i32,
    rack: Option<String>,
    /// How many partitions it leads.
    leads: usize,
    /// How many it has.
    replicas: usize,
}

#[derive(Debug, Default, Serialize)]
struct Feature {
    /// The level that the cluster is at; none if it does not use the feature.
    finalized: Option<i16>,
    /// The highest that the broker which we asked supports.
    supported: Option<i16>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let metadata = client.metadata(Topics::All).await?;
    let partitions: Vec<_> = metadata.topics.values().flat_map(|topic| &topic.partitions).collect();
    let brokers = metadata.brokers.iter().map(|(id, broker)| Broker {
        id: id.0,
        host: broker.host.clone(),
        port: broker.port,
        rack: broker.rack.clone(),
        leads: partitions.iter().filter(|partition| partition.leader == Some(*id)).count(),
        replicas: partitions.iter().filter(|partition| partition.replicas.contains(id)).count(),
    });
    let cluster = Cluster {
        cluster_id: metadata.cluster_id.clone(),
        controller: metadata.controller.map(|id| id.0),
        brokers: brokers.collect(),
        features: features(client.any().await?.api_versions()),
        topics: metadata.topics.len(),
        partitions: partitions.len(),
    };
    arguments.output.show(&cluster, show)
}

fn features(versions: &ApiVersionsResponse) -> BTreeMap<String, Feature> {
    let mut features = BTreeMap::<_, Feature>::new();
    for feature in &versions.supported_features {
        features.entry(feature.name.to_string()).or_default().supported = Some(feature.max_version);
    }
    for feature in &versions.finalized_features {
        let level = feature.max_version_level;
        features.entry(feature.name.to_string()).or_default().finalized = Some(level);
    }
    features
}

fn show(cluster: &Cluster) -> String {
    let head = format!(
        "cluster     {}\ncontroller  {}\ntopics      {}\npartitions  {}\n",
        or_dash(cluster.cluster_id.as_ref()),
        or_dash(cluster.controller),
        cluster.topics,
        cluster.partitions,
    );
    let mut brokers = Table::new(&["BROKER", "HOST", "PORT", "RACK", "LEADS", "REPLICAS"]);
    for broker in &cluster.brokers {
        brokers.row(vec![
            broker.id.to_string(),
            broker.host.clone(),
            broker.port.to_string(),
            or_dash(broker.rack.as_ref()),
            broker.leads.to_string(),
            broker.replicas.to_string(),
        ]);
    }
    let mut features = Table::new(&["FEATURE", "LEVEL", "SUPPORTED"]);
    for (name, feature) in &cluster.features {
        let (level, supported) = (or_dash(feature.finalized), or_dash(feature.supported));
        features.row(vec![name.clone(), level, supported]);
    }
    format!("{head}\n{brokers}\n{features}")
}
