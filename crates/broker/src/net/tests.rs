//! Connections over real sockets, with a service that does as its test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::api::ApiKey;
use protocol::frame::{LENGTH_BYTES, RequestHeader, encode_request, split_response};
use protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, HeartbeatRequest, HeartbeatResponse,
    ListGroupsRequest, ListGroupsResponse, Request, Response, StrBytes,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::{ConnectionCounts, ConnectionLimits, Limits, Listener, Memory, Peer, Reply};
use super::{Service, Shared};
use crate::metrics::{Connections, End, Requests};

/// Far longer than anything here takes, on any machine.
const LONG: Duration = Duration::from_secs(60);
/// What a test waits out.
const SHORT: Duration = Duration::from_millis(200);

const LIMITS: Limits = Limits {
    frame_bytes_max: 2 << 20,
    idle: LONG,
    slow: LONG,
    stop: LONG,
    backlog: 50,
    send_buffer_bytes: None,
};

/// An answer of this size is not yet given more time than the least.
const ANSWER_BYTES: usize = 12 << 10;

/// Answers heartbeats at once, descriptions of the cluster at length, and lists of groups when it is told to.
#[derive(Default)]
struct Double {
    go_on: Arc<Notify>,
}

impl Service for Double {
    fn call(&self, _: &Peer, header: &RequestHeader, _: Bytes) -> Reply {
        match header.api {
            ApiKey::Heartbeat => {
                Reply::now(Response::Heartbeat(HeartbeatResponse::default().with_error_code(27)))
            }
            ApiKey::DescribeCluster => {
                let text = Some(StrBytes::from_string("x".repeat(ANSWER_BYTES)));
                let response = DescribeClusterResponse::default().with_error_message(text);
                Reply::now(Response::DescribeCluster(response))
            }
            _ => {
                let go_on = Arc::clone(&self.go_on);
                Reply::later(async move {
                    go_on.notified().await;
                    Response::ListGroups(ListGroupsResponse::default()).into()
                })
            }
        }
    }

    fn disconnected(&self, _: &Peer) {}
}

struct Scene {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    shared: Shared,
    connections: Arc<Connections>,
    go_on: Arc<Notify>,
}

async fn start(limits: Limits, connections_max: usize, per_ip: usize, memory: u64) -> Scene {
    let counts = ConnectionCounts::new(ConnectionLimits {
        max: connections_max,
        max_by_listener: Default::default(),
        max_per_ip: per_ip,
        max_by_ip: Default::default(),
        exempt_listener: None,
    });
    let requests = Arc::new(Requests::default());
    let shared = Shared { counts, memory: Memory::new(memory), requests };
    let connections = Arc::new(Connections::new("TEST"));
    let listener =
        Listener::bind(Arc::clone(&connections), "127.0.0.1:0", limits, shared.clone()).await;
    let listener = listener.unwrap();
    let address = listener.address().unwrap();
    let (stop, stopped) = watch::channel(false);
    let double = Double::default();
    let go_on = Arc::clone(&double.go_on);
    let running = tokio::spawn(listener.run(Arc::new(double), stopped));
    Scene { address, stop, running, shared, connections, go_on }
}

async fn start_with(limits: Limits) -> Scene {
    start(limits, usize::MAX, usize::MAX, 256 << 20).await
}

impl Scene {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// How many connections have ended for this reason.
    fn ended(&self, end: End) -> u64 {
        self.connections.closed().find(|(other, _)| *other == end).unwrap().1
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, request: impl Into<Request>, correlation_id: i32) {
        let request = request.into();
        let client_id = StrBytes::default();
        let (api, version) = (request.api(), 0);
        let header = RequestHeader { api, version, correlation_id, client_id };
        self.0.write_all(&encode_request(&header, &request).unwrap()).await.unwrap();
    }

    async fn heartbeat(&mut self, correlation_id: i32) {
        self.send(HeartbeatRequest::default(), correlation_id).await;
    }

    /// A frame that only says how long it is, and its first bytes.
    async fn begin_frame(&mut self, length: usize, sent: usize) {
        self.0.write_all(&i32::try_from(length).unwrap().to_be_bytes()).await.unwrap();
        self.0.write_all(&vec![0; sent]).await.unwrap();
    }

    /// The correlation id of the next answer; `None` if the connection was closed instead.
    async fn next(&mut self) -> Option<i32> {
        let read = async {
            let length = usize::try_from(self.0.read_i32().await?).unwrap();
            let mut frame = vec![0; length];
            self.0.read_exact(&mut frame).await?;
            Ok::<_, std::io::Error>(frame)
        };
        let frame = tokio::time::timeout(LONG, read).await.expect("an answer or an end").ok()?;
        Some(split_response(ApiKey::Heartbeat, 0, frame.into()).unwrap().0)
    }
}

/// A request for a list of groups that is large because of bytes behind it that nobody reads.
fn large_frame(correlation_id: i32, length: usize) -> Vec<u8> {
    let (api, client_id) = (ApiKey::ListGroups, StrBytes::default());
    let header = RequestHeader { api, version: 0, correlation_id, client_id };
    let request = Request::ListGroups(ListGroupsRequest::default());
    let mut frame = encode_request(&header, &request).unwrap().to_vec();
    frame.resize(LENGTH_BYTES + length, 0);
    frame[..LENGTH_BYTES].copy_from_slice(&i32::try_from(length).unwrap().to_be_bytes());
    frame
}

async fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn requests_are_answered_in_order_and_counted() {
    let scene = start_with(LIMITS).await;
    let mut client = scene.connect().await;
    client.send(ListGroupsRequest::default(), 1).await;
    client.heartbeat(2).await;
    client.heartbeat(3).await;
    scene.go_on.notify_one();
    for expected in 1..=3 {
        assert_eq!(client.next().await, Some(expected));
    }
    let requests = &scene.shared.requests;
    wait_until(|| requests.of(ApiKey::Heartbeat).latency.observed().count == 2).await;
    let heartbeats = requests.of(ApiKey::Heartbeat);
    let errors: Vec<_> = heartbeats.errors().map(|(code, count)| (code.code(), count)).collect();
    assert_eq!(errors, [(27, 2)]);
    assert_eq!(heartbeats.response_bytes(), 2 * (LENGTH_BYTES as u64 + 4 + 2));
    assert_eq!((scene.connections.open(), scene.connections.accepted()), (1, 1));
    drop(client);
    wait_until(|| scene.ended(End::Client) == 1).await;
    assert_eq!((scene.connections.open(), scene.shared.memory.lent_bytes()), (0, 0));
}

#[tokio::test]
async fn client_that_sends_no_more_gets_the_answers_that_are_here() {
    let scene = start_with(LIMITS).await;
    for last_words in [&b""[..], b"\xff\xff\xff\xff"] {
        let mut client = scene.connect().await;
        for correlation_id in 1..=3 {
            client.heartbeat(correlation_id).await;
        }
        client.0.write_all(last_words).await.unwrap();
        client.0.shutdown().await.unwrap();
        for expected in 1..=3 {
            assert_eq!(client.next().await, Some(expected));
        }
        assert_eq!(client.next().await, None);
    }
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let scene = start_with(Limits { idle: SHORT, ..LIMITS }).await;
    let mut client = scene.connect().await;
    client.heartbeat(1).await;
    assert_eq!(client.next().await, Some(1));
    assert_eq!(client.next().await, None);
    wait_until(|| scene.ended(End::Idle) == 1).await;
}

#[tokio::test]
async fn connection_that_waits_for_an_answer_is_not_idle() {
    let scene = start_with(Limits { idle: SHORT, ..LIMITS }).await;
    let mut client = scene.connect().await;
    client.send(ListGroupsRequest::default(), 1).await;
    tokio::time::sleep(SHORT * 3).await;
    scene.go_on.notify_one();
    assert_eq!(client.next().await, Some(1));
}

#[tokio::test]
async fn slow_sender_is_cut_off_even_if_it_waits_for_an_answer() {
    let scene = start_with(Limits { slow: SHORT, ..LIMITS }).await;
    let mut client = scene.connect().await;
    client.send(ListGroupsRequest::default(), 1).await;
    client.begin_frame(10_000, 1).await;
    // It goes on to send, a byte at a time.
    while client.0.write_all(&[0]).await.is_ok() && scene.ended(End::Slow) == 0 {
        tokio::time::sleep(SHORT / 20).await;
    }
    wait_until(|| scene.ended(End::Slow) == 1).await;
    assert_eq!(scene.shared.memory.lent_bytes(), 0);
}

#[tokio::test]
async fn slow_reader_is_cut_off() {
    let scene = start_with(Limits { slow: SHORT, ..LIMITS }).await;
    let mut client = scene.connect().await;
    // More answers than the buffers of the kernel hold, and none is read.
    for correlation_id in 0..4_000 {
        if scene.ended(End::Slow) > 0 {
            break;
        }
        let request = Request::DescribeCluster(DescribeClusterRequest::default());
        let header = RequestHeader {
            api: ApiKey::DescribeCluster,
            version: 0,
            correlation_id,
            client_id: StrBytes::default(),
        };
        let frame = encode_request(&header, &request).unwrap();
        let _closed = client.0.write_all(&frame).await;
    }
    wait_until(|| scene.ended(End::Slow) == 1).await;
}

#[tokio::test]
async fn frame_that_is_too_large_ends_the_connection() {
    let scene = start_with(LIMITS).await;
    let mut client = scene.connect().await;
    client.begin_frame(LIMITS.frame_bytes_max + 1, 0).await;
    assert_eq!(client.next().await, None);
    wait_until(|| scene.ended(End::Refused) == 1).await;
}

#[tokio::test]
async fn slow_senders_give_their_memory_to_others() {
    let scene = start(LIMITS, usize::MAX, usize::MAX, 2 << 20).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut client = scene.connect().await;
        client.begin_frame(2 << 20, 450 << 10).await;
        slow.push(client);
    }
    wait_until(|| scene.shared.memory.lent_bytes() > 1 << 20).await;
    // Small requests do not even notice.
    let mut small = scene.connect().await;
    small.heartbeat(1).await;
    assert_eq!(small.next().await, Some(1));
    let mut large = scene.connect().await;
    large.0.write_all(&large_frame(3, 1 << 20)).await.unwrap();
    scene.go_on.notify_one();
    assert_eq!(large.next().await, Some(3));
    assert!(scene.ended(End::Slow) > 0, "somebody had to give memory back");
}

#[tokio::test]
async fn one_connection_does_not_take_the_memory_of_all() {
    let scene = start_with(LIMITS).await;
    let mut client = scene.connect().await;
    client.send(ListGroupsRequest::default(), 0).await;
    let sent = tokio::spawn(async move {
        let frame = large_frame(1, 2 << 20);
        for _ in 0..50 {
            if client.0.write_all(&frame).await.is_err() {
                break;
            }
        }
        client
    });
    let memory = &scene.shared.memory;
    wait_until(|| memory.lent_bytes() >= 32 << 20).await;
    tokio::time::sleep(SHORT).await;
    assert!(memory.lent_bytes() < 37 << 20, "{}", memory.lent_bytes());
    assert!(!sent.is_finished(), "100 MiB were taken although nothing was answered");
    sent.abort();
}

#[tokio::test]
async fn connection_over_max_connections_is_served_when_another_ends() {
    let scene = start(LIMITS, 1, usize::MAX, 1 << 20).await;
    let mut first = scene.connect().await;
    first.heartbeat(1).await;
    assert_eq!(first.next().await, Some(1));
    let mut second = scene.connect().await;
    second.heartbeat(2).await;
    let wait = tokio::time::timeout(SHORT, second.0.readable()).await;
    assert!(wait.is_err(), "it is not served yet");
    drop(first);
    assert_eq!(second.next().await, Some(2));
}

#[tokio::test]
async fn connection_over_max_connections_per_ip_is_closed() {
    let scene = start(LIMITS, usize::MAX, 1, 1 << 20).await;
    let mut first = scene.connect().await;
    first.heartbeat(1).await;
    assert_eq!(first.next().await, Some(1));
    assert_eq!(scene.connect().await.next().await, None);
    assert_eq!((scene.connections.refused(), scene.connections.open()), (1, 1));
    drop(first);
    wait_until(|| scene.connections.open() == 0).await;
    let mut third = scene.connect().await;
    third.heartbeat(3).await;
    assert_eq!(third.next().await, Some(3));
}

#[tokio::test]
async fn stop_answers_what_is_under_way() {
    let scene = start_with(LIMITS).await;
    let (mut idle, mut served) = (scene.connect().await, scene.connect().await);
    served.send(ListGroupsRequest::default(), 1).await;
    wait_until(|| scene.shared.requests.of(ApiKey::ListGroups).request_bytes() > 0).await;
    scene.stop.send(true).unwrap();
    assert_eq!(idle.next().await, None);
    scene.go_on.notify_one();
    assert_eq!(served.next().await, Some(1));
    assert_eq!(served.next().await, None);
    tokio::time::timeout(LONG, scene.running).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn stop_cuts_off_what_takes_too_long() {
    let scene = start_with(Limits { stop: SHORT, ..LIMITS }).await;
    let mut stuck = scene.connect().await;
    stuck.send(ListGroupsRequest::default(), 1).await;
    wait_until(|| scene.shared.requests.of(ApiKey::ListGroups).request_bytes() > 0).await;
    scene.stop.send(true).unwrap();
    tokio::time::timeout(LONG, scene.running).await.expect("it does not wait for ever").unwrap();
    assert_eq!(stuck.next().await, None);
}
