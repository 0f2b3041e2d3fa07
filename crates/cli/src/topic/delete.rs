//! `ottla topic delete`.

use clap::Args;
use protocol::ErrorCode;
use protocol::messages::DeleteTopicsRequest;
use protocol::messages::delete_topics_request::DeleteTopicState;

use crate::Error;
use crate::connect::Connect;
use crate::outcome::{Outcome, report};
use crate::output::Output;
use crate::wire::topic_name;

/// What to delete.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The names of the topics.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    /// Take it for success if a topic is not there.
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Error> {
    let states = arguments
        .topics
        .iter()
        .map(|name| DeleteTopicState::default().with_name(Some(topic_name(name))));
    let request = DeleteTopicsRequest::default()
        .with_topics(states.collect())
        .with_timeout_ms(arguments.connect.timeout_ms());
    // Before version 6 the names lie in another field.
    let response = arguments.connect.client().call_in(6..=i16::MAX, request).await?;
    let outcomes = response.responses.into_iter().map(|topic| {
        let name = topic.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default();
        let is_absent = topic.error_code == ErrorCode::UnknownTopicOrPartition.code();
        if arguments.if_exists && is_absent {
            return Outcome::new(name, "unchanged", Ok(()));
        }
        let what = || format!("topic {name}");
        let message = topic.error_message.as_deref();
        let result = client::Error::check(topic.error_code, message, what);
        Outcome::new(name, "deleted", result)
    });
    let mut outcomes: Vec<_> = outcomes.collect();
    // A broker answers in an order of its own.
    outcomes.sort_by_key(|it| arguments.topics.iter().position(|name| *name == it.name));
    report(&arguments.output, outcomes)
}
