//! `ottla doctor`: looks at the cluster with the eyes of a client, and says what will trouble one.

mod addresses;
mod clock;
mod disks;
mod http;
mod kafka_connect;
mod partitions;
mod topics;
mod transactions;

use clap::Args;
use client::{Client, Metadata, Topics};
use serde::Serialize;

use self::http::Url;
use crate::Error;
use crate::connect::Connect;
use crate::output::Output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla doctor
  ottla doctor --connect http://127.0.0.1:8083
  ottla doctor -b kafka-1:9092,kafka-2:9092 --connect-topics my-configs,my-offsets,my-status
  ottla doctor --history inventory-history --format json

The exit code is 1 if something fails; a warning alone is none.";

/// What to look at besides what there is in every cluster.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A worker of Kafka Connect: its connectors are looked at as well, and the topics that they name.
    #[arg(long = "connect", value_name = "URL")]
    worker: Option<Url>,
    /// The topics of Kafka Connect for configs, offsets and status; without it they are known by the usual names.
    #[arg(long, value_name = "TOPIC,TOPIC,TOPIC", value_delimiter = ',')]
    connect_topics: Vec<String>,
    /// Topics with the schema history of Debezium's connectors; without it they are known by the usual names.
    #[arg(long, value_name = "TOPIC,…", value_delimiter = ',')]
    history: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

/// How something looks.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, what: what.into(), advice: None }
    }

    fn warn(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Warn, what: what.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Fail, what: what.into(), advice: Some(advice.into()) }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.connect.client();
    let mut findings = addresses::bootstrap(&client).await;
    // Who cannot be asked at all has only those to show.
    if findings.iter().any(|finding| finding.status == Status::Ok) {
        examine(&client, &arguments, &mut findings).await?;
    }
    arguments.output.show(&findings, |findings| show(findings))?;
    let has_failed = findings.iter().any(|finding| finding.status == Status::Fail);
    if has_failed { Err(Error::Said) } else { Ok(()) }
}

async fn examine(
    client: &Client,
    arguments: &Arguments,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let metadata: Metadata = client.metadata(Topics::All).await?;
    findings.extend(addresses::advertised(client, &metadata).await);
    findings.extend(partitions::check(&metadata));
    let mut history = arguments.history.clone();
    if let Some(worker) = &arguments.worker {
        let told = kafka_connect::check(worker, &metadata).await;
        findings.extend(told.findings);
        history.extend(told.history);
    }
    let named = topics::Named { connect: &arguments.connect_topics, history: &history };
    findings.extend(topics::check(client, &metadata, &named).await?);
    findings.extend(transactions::check(client, &metadata).await);
    findings.extend(disks::check(client, &metadata).await);
    findings.push(clock::check(client).await);
    Ok(())
}

fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let status = match finding.status {
            Status::Ok => "ok  ",
            Status::Warn => "WARN",
            Status::Fail => "FAIL",
        };
        text.push_str(&format!("{status}  {:<12}  {}\n", finding.check, finding.what));
        if let Some(advice) = &finding.advice {
            text.push_str(&format!("                    {advice}\n"));
        }
    }
    text
}
