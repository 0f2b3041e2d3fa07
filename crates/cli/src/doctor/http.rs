//! As much of HTTP as it takes to ask a worker of Kafka Connect: one GET on a connection of its own, in version 1.0, so that
//! the answer ends with the connection and is never in chunks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The states of some thousand connectors with the traces of all their tasks.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Where a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// `host:port`.
    authority: String,
    /// What every path begins with, without a `/` at its end.
    base: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("'{text}' is not like http://127.0.0.1:8083");
        let rest = text.strip_prefix("http://").ok_or_else(refuse)?;
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |part: &str| !part.contains(|c: char| c.is_whitespace() || c.is_control());
        if authority.is_empty() || !is_plain(rest) {
            return Err(refuse());
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:8083") };
        let base = base.trim_end_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("/{base}") };
        Ok(Self { authority, base })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.base)
    }
}

impl Url {
    /// The document at a path, or why there is none.
    pub(super) async fn get(&self, path: &str, limit: Duration) -> Result<Value, String> {
        let answer = tokio::time::timeout(limit, self.ask(path)).await;
        let answer = answer.map_err(|_| format!("no answer within {} s", limit.as_secs()))?;
        document(&answer.map_err(|err| err.to_string())?)
    }

    async fn ask(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.authority).await?;
        let Self { authority, base } = self;
        let request = format!(
            "GET {base}{path} HTTP/1.0\r\nHost: {authority}\r\nAccept: application/json\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// What an answer has after its headers, if it is one of success.
fn document(answer: &[u8]) -> Result<Value, String> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").ok_or("it does not speak HTTP")?;
    let mut words = head.lines().next().unwrap_or_default().splitn(3, ' ');
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    match words.next() {
        Some("200") if is_http => {
            serde_json::from_str(body).map_err(|err| format!("its answer is no document: {err}"))
        }
        Some(status) if is_http => Err(format!("it answers with status {status}")),
        _ => Err("it does not speak HTTP".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_read_with_connects_port_where_it_has_none() {
        for (text, expected) in [
            ("http://connect:8084", Some("http://connect:8084")),
            ("http://connect", Some("http://connect:8083")),
            ("http://[::1]/", Some("http://[::1]:8083")),
            ("http://[::1]:99/a/b/", Some("http://[::1]:99/a/b")),
            ("https://connect:8083", None),
            ("connect:8083", None),
            ("http://", None),
            ("http://connect:8083/\r\nX: y", None),
        ] {
            let url = Url::from_str(text).map(|url| url.to_string());
            assert_eq!(url.ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn document_is_read_only_from_an_answer_of_success() {
        let answer = |text: &str| document(text.as_bytes());
        assert_eq!(answer("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"a\":1}").unwrap()["a"], 1);
        for (text, expected) in [
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", "it answers with status 401"),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "its answer is no document"),
            ("HTTP/1.1 200 OK\r\n", "it does not speak HTTP"),
            ("SSH-2.0 200 x\r\n\r\n", "it does not speak HTTP"),
            ("", "it does not speak HTTP"),
        ] {
            assert!(answer(text).unwrap_err().starts_with(expected), "{text}");
        }
    }
}
