//! `ottla topic create`.

use clap::Args;
use protocol::ErrorCode;
use protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use crate::Error;
use crate::configs::Setting;
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;
use crate::wire::{text, topic_name};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ottla topic create orders -p 12
  ottla topic create users -c cleanup.policy=compact -c min.compaction.lag.ms=60000
  ottla topic create orders --if-not-exists";

/// What to create.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The names of the topics.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// How many partitions each gets; the broker's num.partitions without it.
    #[arg(short, long, value_name = "COUNT")]
    partitions: Option<i32>,
    /// How many replicas each partition gets; the broker's default.replication.factor without it.
    #[arg(short, long, value_name = "COUNT")]
    replicas: Option<i16>,
    /// A configuration of the topics; may be given several times.
    #[arg(short, long = "config", value_name = "KEY=VALUE")]
    configs: Vec<Setting>,
    /// Take it for success if a topic is there already, whatever it looks like.
    #[arg(long)]
    if_not_exists: bool,
    /// Only check whether it would be possible.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let response = arguments.connect.client().call(request(&arguments)).await?;
    let mut outcomes = outcomes(&arguments, response);
    // A broker answers in an order of its own.
    outcomes.sort_by_key(|it| arguments.topics.iter().position(|name| *name == it.name));
    report(&arguments.output, outcomes)
}

fn request(arguments: &Arguments) -> CreateTopicsRequest {
    let configs: Vec<_> = arguments
        .configs
        .iter()
        .map(|setting| {
            CreatableTopicConfig::default()
                .with_name(text(&setting.key))
                .with_value(Some(text(&setting.value)))
        })
        .collect();
    let topics = arguments.topics.iter().map(|name| {
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(arguments.partitions.unwrap_or(-1))
            .with_replication_factor(arguments.replicas.unwrap_or(-1))
            .with_configs(configs.clone())
    });
    CreateTopicsRequest::default()
        .with_topics(topics.collect())
        .with_timeout_ms(arguments.connect.timeout_ms())
        .with_validate_only(arguments.dry_run)
}

fn outcomes(arguments: &Arguments, response: CreateTopicsResponse) -> Vec<Outcome> {
    let outcomes = response.topics.into_iter().map(|topic| {
        let name = topic.name.to_string();
        if arguments.if_not_exists && topic.error_code == ErrorCode::TopicAlreadyExists.code() {
            return Outcome::new(name, "unchanged", Ok(()));
        }
        let done = if arguments.dry_run { "could create" } else { "created" };
        let what = || format!("topic {name}");
        let message = topic.error_message.as_deref();
        let result = client::Error::check(topic.error_code, message, what);
        Outcome::new(name, done, result)
    });
    outcomes.collect()
}
