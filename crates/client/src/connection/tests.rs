//! A connection against a broker that says the wrong thing.

use std::time::Duration;

use protocol::frame::RequestHeader;
use protocol::messages::{ApiVersionsResponse, ListGroupsRequest, ListGroupsResponse, Response};
use protocol::{ApiKey, ErrorCode};

use super::*;
use crate::scripted::{NOBODY, Peer, frame, listen, versions};

fn options() -> ClientOptions {
    ClientOptions { frame_bytes_max: 1 << 20, ..ClientOptions::new(Vec::new()) }
}

fn groups(error_code: i16) -> Response {
    Response::ListGroups(ListGroupsResponse::default().with_error_code(error_code))
}

/// Asks for the groups while the broker answers with `reply` to the request's header. Returns what came of it, and
/// whether the connection lives.
async fn ask_and_hear(reply: impl FnOnce(&RequestHeader) -> Vec<u8>) -> (Result<i16, Error>, bool) {
    let (listener, address) = listen().await;
    let asking = async {
        let connection = Connection::open(&address, &options()).await.unwrap();
        let result = connection.call(ListGroupsRequest::default()).await;
        (result.map(|response| response.error_code), !connection.is_closed())
    };
    let answering = async {
        let mut peer = Peer::accept_ready(&listener).await;
        let (header, _) = peer.request().await.unwrap();
        peer.send(&reply(&header)).await;
    };
    tokio::join!(asking, answering).0
}

#[tokio::test]
async fn answer_to_another_request_ends_the_connection() {
    let wrong = |header: &RequestHeader| {
        frame(header.version, header.correlation_id + 1, &groups(0)).to_vec()
    };
    let (result, is_alive) = ask_and_hear(wrong).await;
    let Err(Error::Protocol { reason, .. }) = result else { panic!("{result:?}") };
    assert!(reason.contains("answers request 2"), "{reason}");
    assert!(!is_alive);
}

#[tokio::test]
async fn connection_closed_instead_of_an_answer_is_a_lost_one() {
    let (result, is_alive) = ask_and_hear(|_| Vec::new()).await;
    let err = result.unwrap_err();
    assert!(matches!(err, Error::Disconnected { .. }) && err.is_retriable(), "{err}");
    assert!(!is_alive);
}

#[tokio::test]
async fn frame_that_is_cut_off_is_a_lost_connection() {
    for length in [2, 4, 6, 10] {
        let cut = |header: &RequestHeader| {
            frame(header.version, header.correlation_id, &groups(0))[..length].to_vec()
        };
        let (result, _) = ask_and_hear(cut).await;
        assert!(matches!(result, Err(Error::Disconnected { .. })), "{length}: {result:?}");
    }
}

#[tokio::test]
async fn length_beyond_the_limit_is_refused_before_its_bytes() {
    for (length, expected) in [(i32::MAX, "larger"), ((1 << 20) + 1, "larger"), (-1, "-1")] {
        let (result, is_alive) = ask_and_hear(|_| length.to_be_bytes().to_vec()).await;
        let Err(Error::Protocol { reason, .. }) = result else { panic!("{result:?}") };
        assert!(reason.contains(expected), "{reason}");
        assert!(!is_alive);
    }
}

#[tokio::test]
async fn body_of_another_layout_ends_the_connection() {
    // It counts 2^28 groups and has none.
    let body = |header: &RequestHeader| {
        let mut bytes = vec![0, 0, 0, 16];
        bytes.extend(header.correlation_id.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        bytes
    };
    let (result, is_alive) = ask_and_hear(body).await;
    assert!(matches!(result, Err(Error::Protocol { .. })), "{result:?}");
    assert!(!is_alive);
}

#[tokio::test]
async fn answer_that_nobody_asked_for_ends_the_connection() {
    let (listener, address) = listen().await;
    let asking = async {
        let connection = Connection::open(&address, &options()).await.unwrap();
        let first = connection.call(ListGroupsRequest::default()).await;
        first.unwrap();
        let second = connection.call(ListGroupsRequest::default()).await;
        assert!(matches!(second, Err(Error::Protocol { .. })), "{second:?}");
    };
    let answering = async {
        let mut peer = Peer::accept_ready(&listener).await;
        let (header, _) = peer.request().await.unwrap();
        let answer = frame(header.version, header.correlation_id, &groups(0));
        peer.send(&[&answer[..], &answer[..]].concat()).await;
        peer.closed().await;
    };
    tokio::join!(asking, answering);
}

#[tokio::test]
async fn pipelined_requests_get_their_own_answers() {
    const REQUESTS: i16 = 40;
    let (listener, address) = listen().await;
    let asking = async {
        let connection = Connection::open(&address, &options()).await.unwrap();
        let calls = (0..REQUESTS).map(|_| connection.call(ListGroupsRequest::default()));
        let answers = futures_util::future::join_all(calls).await;
        let codes: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().error_code).collect();
        assert_eq!(codes, (1..=REQUESTS).collect::<Vec<_>>());
    };
    let answering = async {
        let mut peer = Peer::accept_ready(&listener).await;
        let mut headers = Vec::new();
        // All of them are there before the first is answered.
        for _ in 0..REQUESTS {
            headers.push(peer.request().await.unwrap().0);
        }
        for header in headers {
            let number = i16::try_from(header.correlation_id).unwrap();
            peer.answer(&header, groups(number)).await;
        }
        peer.closed().await;
    };
    tokio::join!(asking, answering);
}

#[tokio::test]
async fn broker_that_never_answers_is_given_up() {
    let (listener, address) = listen().await;
    let asking = async {
        let mut options = options();
        options.request_timeout = Duration::from_secs(1_000);
        let connection = Connection::open(&address, &options).await.unwrap();
        // From here on nothing is to come but the end of that time.
        tokio::time::pause();
        let result = connection.call(ListGroupsRequest::default()).await;
        let Err(Error::Disconnected { reason, .. }) = result else { panic!("{result:?}") };
        assert!(reason.contains("ListGroups was not answered within 1000s"), "{reason}");
        // The stream is closed, and who comes later is told the same.
        let later = connection.call(ListGroupsRequest::default()).await.unwrap_err();
        assert!(later.to_string().contains(&reason), "{later}");
    };
    let hanging = async { Peer::accept_ready(&listener).await.closed().await };
    tokio::join!(asking, hanging);
}

#[tokio::test]
async fn address_where_nobody_listens_is_an_error_of_connecting() {
    let result = Connection::open(NOBODY, &options()).await;
    assert!(matches!(result, Err(Error::Connect { .. })), "{result:?}");
}

#[tokio::test]
async fn broker_that_does_not_know_our_version_of_apiversions_is_asked_in_the_first() {
    let (listener, address) = listen().await;
    let asking = async {
        let connection = Connection::open(&address, &options()).await.unwrap();
        assert_eq!(connection.version_in(ApiKey::ListGroups, 0..=i16::MAX).unwrap(), 5);
    };
    let answering = async {
        let mut peer = Peer::accept(&listener).await;
        let (header, _) = peer.request().await.unwrap();
        assert!(header.version >= 3);
        let refusal =
            ApiVersionsResponse::default().with_error_code(ErrorCode::UnsupportedVersion.code());
        peer.answer_as(0, header.correlation_id, Response::ApiVersions(refusal)).await;
        let (header, _) = peer.request().await.unwrap();
        assert_eq!(header.version, 0);
        peer.answer(&header, versions()).await;
    };
    tokio::join!(asking, answering);
}

#[tokio::test]
async fn version_that_the_broker_lacks_is_not_asked_for() {
    let (listener, address) = listen().await;
    let asking = async {
        let connection = Connection::open(&address, &options()).await.unwrap();
        let result = connection.call_in(6..=9, ListGroupsRequest::default()).await;
        let Err(Error::Unsupported { api, .. }) = result else { panic!("{result:?}") };
        assert_eq!(api, ApiKey::ListGroups);
        assert!(!connection.is_closed());
    };
    let answering = async { Peer::accept_ready(&listener).await.closed().await };
    tokio::join!(asking, answering);
}
