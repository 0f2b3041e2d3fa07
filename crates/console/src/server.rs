//! HTTP/1.1 on a port of its own: requests without a body, answered one after the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::pages::{Page, Pages};
use crate::request::{self, HEAD_BYTES_MAX, Refusal};

/// So many connections are served at a time; more wait. A scraper needs one, and a few people look on.
const CONNECTIONS_MAX: usize = 64;

/// A connection may be silent for so long between two requests: longer than the usual scrape interval of a minute.
const IDLE_LIMIT: Duration = Duration::from_secs(75);

/// A request that has begun must be whole by then.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// A page must have been taken by then.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// After an error of `accept` the server waits, instead of turning in a circle.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on the host, or on all interfaces where it is empty.
pub(crate) async fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    TcpListener::bind((host, port)).await
}

/// Serves connections until `stop` says true.
pub(crate) async fn run(socket: TcpListener, pages: Arc<Pages>, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    while !*stop.borrow() {
        let accept = async {
            let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, _) = socket.accept().await?;
            Ok::<_, io::Error>((stream, permit))
        };
        tokio::select! {
            accepted = accept => match accepted {
                Ok((stream, permit)) => {
                    let pages = Arc::clone(&pages);
                    connections.spawn(async move {
                        if let Err(err) = serve(stream, &pages).await {
                            tracing::debug!(%err, "HTTP connection closed");
                        }
                        drop(permit);
                    });
                }
                Err(err) => {
                    tracing::warn!(%err, "cannot accept an HTTP connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Answers the requests of one connection.
async fn serve(mut stream: TcpStream, pages: &Arc<Pages>) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(head) = next_head(&mut stream, &mut buffer).await? {
        let (page, is_head, keep_alive) = match head.and_then(|head| request::parse(&head)) {
            Ok(request) => {
                let page = Pages::answer(pages, &request).await;
                (page, request.is_head, request.keep_alive)
            }
            Err(refusal) => (Page::text(refusal.status(), refusal.status()), false, false),
        };
        let written = write(&mut stream, &page, is_head, keep_alive);
        timeout(WRITE_LIMIT, written).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if !keep_alive {
            break;
        }
    }
    stream.shutdown().await
}

/// The head of the next request; `None` if there is none to come. What follows it stays in the buffer.
async fn next_head(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Result<Vec<u8>, Refusal>>> {
    let mut limit = if buffer.is_empty() { IDLE_LIMIT } else { HEAD_LIMIT };
    loop {
        match request::head_end(buffer) {
            Ok(Some(end)) => {
                let rest = buffer.split_off(end);
                return Ok(Some(Ok(std::mem::replace(buffer, rest))));
            }
            Ok(None) => {}
            Err(refusal) => return Ok(Some(Err(refusal))),
        }
        // Never more than a whole head: one that comes byte by byte has been refused long before.
        buffer.reserve(HEAD_BYTES_MAX.saturating_sub(buffer.len()).min(1 << 10));
        let started = tokio::time::Instant::now();
        let read = timeout(limit, stream.read_buf(buffer)).await;
        match read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            0 => return Ok(None),
            _ if limit == IDLE_LIMIT => limit = HEAD_LIMIT,
            _ => limit = limit.saturating_sub(started.elapsed()),
        }
    }
}

async fn write(
    stream: &mut TcpStream,
    page: &Page,
    is_head: bool,
    keep_alive: bool,
) -> io::Result<()> {
    let Page { status, content_type, body } = page;
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let allow = if status.starts_with("405") { "allow: GET, HEAD\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\n{allow}connection: {connection}\r\n\r\n",
        body.len()
    );
    let body = if is_head { "" } else { body };
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}
