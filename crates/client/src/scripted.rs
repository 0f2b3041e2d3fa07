//! A broker of tests: a socket that says what a script tells it to.

use bytes::{Buf as _, Bytes};
use protocol::ApiKey;
use protocol::frame::{LENGTH_BYTES, RequestHeader, RopeEncoder, encode_response, split_request};
use protocol::messages::api_versions_response::ApiVersion;
use protocol::messages::{ApiVersionsResponse, Request, Response, decode_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where nobody listens: unlike a port that was free a moment ago, this is never given to who asks for any.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// One connection, from the broker's side.
pub(crate) struct Peer {
    stream: TcpStream,
}

/// A listener on a free port.
pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Every API that has messages, in the versions that we speak.
pub(crate) fn versions() -> Response {
    let keys = ApiKey::ALL.iter().map(|api| {
        ApiVersion::default()
            .with_api_key(api.key())
            .with_min_version(api.versions().min)
            .with_max_version(api.versions().max)
    });
    Response::ApiVersions(ApiVersionsResponse::default().with_api_keys(keys.collect()))
}

impl Peer {
    /// The next client.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        Self { stream: listener.accept().await.unwrap().0 }
    }

    /// The next client, with which versions are agreed.
    pub(crate) async fn accept_ready(listener: &TcpListener) -> Self {
        let mut peer = Self::accept(listener).await;
        let (header, _) = peer.request().await.unwrap();
        peer.answer(&header, versions()).await;
        peer
    }

    /// The next request; none if the client is gone.
    pub(crate) async fn request(&mut self) -> Option<(RequestHeader, Request)> {
        let mut prefix = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut prefix).await.ok()?;
        let mut frame = vec![0; u32::from_be_bytes(prefix) as usize];
        self.stream.read_exact(&mut frame).await.ok()?;
        let (header, body) = split_request(frame.into()).unwrap();
        let request = decode_request(header.api, header.version, body).unwrap();
        Some((header, request))
    }

    /// Answers a request.
    pub(crate) async fn answer(&mut self, header: &RequestHeader, response: Response) {
        self.answer_as(header.version, header.correlation_id, response).await;
    }

    /// Answers as it should not.
    pub(crate) async fn answer_as(&mut self, version: i16, id: i32, response: Response) {
        let frame = frame(version, id, &response);
        self.send(&frame).await;
    }

    /// Sends bytes as they are. The client may have gone.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _gone = self.stream.write_all(bytes).await;
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn closed(mut self) {
        while self.request().await.is_some() {}
    }
}

/// A frame with its length.
pub(crate) fn frame(version: i16, id: i32, response: &Response) -> Bytes {
    let mut encoder = RopeEncoder::new();
    encode_response(version, id, response, &mut encoder).unwrap();
    let mut rope = encoder.finish();
    rope.copy_to_bytes(rope.remaining())
}
