//! As much of a Kafka client and of an HTTP client as these tests need.

use std::net::SocketAddr;

use protocol::frame::{RequestHeader, encode_request, split_response};
use protocol::messages::{FindCoordinatorRequest, Request, Response, StrBytes, decode_response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to the broker.
pub(crate) struct Kafka(TcpStream);

impl Kafka {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn ask(&mut self, request: impl Into<Request>, version: i16) -> Response {
        let request = request.into();
        let api = request.api();
        let client_id = StrBytes::default();
        let header = RequestHeader { api, version, correlation_id: 7, client_id };
        self.0.write_all(&encode_request(&header, &request).unwrap()).await.unwrap();
        let length = usize::try_from(self.0.read_i32().await.unwrap()).unwrap();
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame).await.unwrap();
        let (_, body) = split_response(api, version, frame.into()).unwrap();
        decode_response(api, version, body).unwrap()
    }

    /// Makes sure that the topic of the groups is there.
    pub(crate) async fn find_coordinator(&mut self, group: &str) {
        let key = StrBytes::from_string(group.to_owned());
        let request = FindCoordinatorRequest::default().with_key(key);
        let Response::FindCoordinator(found) = self.ask(request, 2).await else { panic!() };
        assert_eq!(found.error_code, 0, "{found:?}");
    }
}

/// Asks for a page; returns the status and the body.
pub(crate) async fn get(address: SocketAddr, target: &str) -> (u16, String) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    send(address, request.as_bytes()).await.expect("an answer")
}

/// Sends bytes; returns the status of the first answer and all that follows its head. `None` if there was none.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // The server may have closed before it had read all.
    let _reset = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.to_owned()))
}
