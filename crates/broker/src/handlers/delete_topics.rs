//! DeleteTopics: by name or by id; answered when the topics are gone.

use std::sync::Arc;

use controller::decide::{ApiError, Cluster, DeletedTopic, TopicRef, delete_topics};
use protocol::messages::delete_topics_request::DeleteTopicState;
use protocol::messages::delete_topics_response::DeletableTopicResult;
use protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, Request, Response};
use protocol::{ErrorCode, TopicId};

use super::{Call, misrouted};
use crate::broker::Broker;
use crate::net::Reply;
use crate::wire;

/// From this version on there is an error of its own for topics that may not be deleted at all.
const DELETION_DISABLED_SINCE: i16 = 3;

pub(super) fn handle(broker: &Arc<Broker>, call: &Call<'_>, request: Request) -> Reply {
    let Request::DeleteTopics(request) = request else { return misrouted(&request) };
    if !broker.config.topics.delete {
        let code = match call.header.version {
            DELETION_DISABLED_SINCE.. => ErrorCode::TopicDeletionDisabled,
            _ => ErrorCode::InvalidRequest,
        };
        let responses = asked(&request).map(|topic| refused(&topic, code.into())).collect();
        return Reply::now(Response::DeleteTopics(answer(responses)));
    }
    let (topics, mut responses) = (Vec::new(), Vec::new());
    let topics = asked(&request).fold(topics, |mut topics, topic| {
        match topic_ref(&topic) {
            Ok(topic) => topics.push(topic),
            Err(err) => responses.push(refused(&topic, err)),
        }
        topics
    });
    let broker = Arc::clone(broker);
    Reply::later(async move {
        let wanted = topics.clone();
        let decide = move |cluster: &Cluster<'_>| delete_topics(cluster, &wanted);
        match broker.decide_within(request.timeout_ms, decide).await {
            Ok(deleted) => responses.extend(deleted.into_iter().map(result)),
            Err(err) => responses.extend(topics.into_iter().map(|asked| {
                result(DeletedTopic { asked, topic: None, result: Err(err.clone()) })
            })),
        }
        Response::DeleteTopics(answer(responses)).into()
    })
}

/// What is asked for: before version 6 only by name, in a list of its own.
fn asked(request: &DeleteTopicsRequest) -> impl Iterator<Item = DeleteTopicState> {
    let names = request.topic_names.iter().cloned();
    let by_name = names.map(|name| DeleteTopicState::default().with_name(Some(name)));
    by_name.chain(request.topics.iter().cloned())
}

fn topic_ref(topic: &DeleteTopicState) -> Result<TopicRef, ApiError> {
    let refuse = |message: &str| {
        Err(ApiError { code: ErrorCode::InvalidRequest, message: message.to_owned() })
    };
    match (&topic.name, wire::topic_id(topic.topic_id)) {
        (Some(name), TopicId::ZERO) => Ok(TopicRef::Name(name.to_string())),
        (None, TopicId::ZERO) => refuse("neither the name nor the id of a topic is given"),
        (None, id) => Ok(TopicRef::Id(id)),
        (Some(_), _) => refuse("both the name and the id of a topic are given"),
    }
}

fn refused(topic: &DeleteTopicState, err: ApiError) -> DeletableTopicResult {
    DeletableTopicResult::default()
        .with_name(topic.name.clone())
        .with_topic_id(topic.topic_id)
        .with_error_code(err.code.code())
        .with_error_message(Some(wire::text(&err.message)))
}

fn result(deleted: DeletedTopic) -> DeletableTopicResult {
    let (name, id) = match (deleted.topic, deleted.asked) {
        (Some((name, id)), _) => (Some(wire::topic_name(&name)), id),
        (None, TopicRef::Name(name)) => (Some(wire::topic_name(&name)), TopicId::ZERO),
        (None, TopicRef::Id(id)) => (None, id),
    };
    let (code, message) = match deleted.result {
        Ok(()) => (ErrorCode::None, None),
        Err(err) => (err.code, Some(wire::text(&err.message))),
    };
    DeletableTopicResult::default()
        .with_name(name)
        .with_topic_id(wire::uuid(id))
        .with_error_code(code.code())
        .with_error_message(message)
}

fn answer(responses: Vec<DeletableTopicResult>) -> DeleteTopicsResponse {
    DeleteTopicsResponse::default().with_responses(responses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ref_needs_either_a_name_or_an_id() {
        for (name, id, expected) in [
            (Some("a"), 0, Ok(TopicRef::Name("a".to_owned()))),
            (None, 7, Ok(TopicRef::Id(TopicId([7; 16])))),
            (None, 0, Err(ErrorCode::InvalidRequest)),
            (Some("a"), 7, Err(ErrorCode::InvalidRequest)),
        ] {
            let topic = DeleteTopicState::default()
                .with_name(name.map(wire::topic_name))
                .with_topic_id(wire::uuid(TopicId([id; 16])));
            assert_eq!(topic_ref(&topic).map_err(|err| err.code), expected, "{name:?} {id}");
        }
    }
}
