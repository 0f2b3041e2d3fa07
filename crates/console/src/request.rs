//! The head of a request: as much of HTTP/1.1 as a page without arguments needs.

use std::str;

/// A head that is longer is refused: browsers and Prometheus send a few hundred bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 8 << 10;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Whether only the head of the answer is wanted.
    pub(crate) is_head: bool,
    pub(crate) path: String,
    /// What follows the question mark.
    pub(crate) query: String,
    /// Whether the client wants to ask more over the same connection.
    pub(crate) keep_alive: bool,
}

/// Why a request is refused, as a status. The connection is closed afterwards: where the next request begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed,
    MethodNotAllowed,
    HasBody,
    HeadTooLarge,
    VersionNotSupported,
}

impl Refusal {
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::HasBody => "413 Content Too Large",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

/// Where the head ends that `bytes` begin with, behind its empty line; `None` if it has not come whole.
pub(crate) fn head_end(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(position) if position + 4 <= HEAD_BYTES_MAX => Ok(Some(position + 4)),
        None if bytes.len() < HEAD_BYTES_MAX => Ok(None),
        _ => Err(Refusal::HeadTooLarge),
    }
}

/// Reads a whole head.
pub(crate) fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let head = str::from_utf8(head).map_err(|_| Refusal::Malformed)?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::Malformed);
    };
    let keeps = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ if version.starts_with("HTTP/") => return Err(Refusal::VersionNotSupported),
        _ => return Err(Refusal::Malformed),
    };
    let is_head = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Refusal::MethodNotAllowed),
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return Err(Refusal::Malformed);
    }
    let keep_alive = keep_alive(lines, keeps)?;
    Ok(Request { is_head, path: path.to_owned(), query: query.to_owned(), keep_alive })
}

/// Goes through the fields, of which few matter here.
fn keep_alive<'a>(
    lines: impl Iterator<Item = &'a str>,
    mut keep_alive: bool,
) -> Result<bool, Refusal> {
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "connection" => {
                let has = |word| value.split(',').any(|it| it.trim().eq_ignore_ascii_case(word));
                keep_alive = (keep_alive || has("keep-alive")) && !has("close");
            }
            "content-length" if value == "0" => {}
            "content-length" | "transfer-encoding" => return Err(Refusal::HasBody),
            _ => {}
        }
    }
    Ok(keep_alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, query: &str, keep_alive: bool) -> Result<Request, Refusal> {
        Ok(Request { is_head: false, path: path.to_owned(), query: query.to_owned(), keep_alive })
    }

    #[test]
    fn request_is_read_or_refused() {
        for (head, expected) in [
            ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", request("/metrics", "", true)),
            ("GET /?a=b&c=%20 HTTP/1.0\r\n\r\n", request("/", "a=b&c=%20", false)),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", request("/", "", true)),
            ("GET / HTTP/1.1\r\nconnection: TE, close\r\n\r\n", request("/", "", false)),
            ("GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", request("/", "", true)),
            ("POST / HTTP/1.1\r\n\r\n", Err(Refusal::MethodNotAllowed)),
            ("GET / HTTP/1.1\r\ncontent-length: 1\r\n\r\n", Err(Refusal::HasBody)),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Refusal::HasBody)),
            ("GET / HTTP/2.0\r\n\r\n", Err(Refusal::VersionNotSupported)),
            ("GET /\r\n\r\n", Err(Refusal::Malformed)),
            ("GET a HTTP/1.1\r\n\r\n", Err(Refusal::Malformed)),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", Err(Refusal::Malformed)),
            ("\r\n\r\n", Err(Refusal::Malformed)),
        ] {
            assert_eq!(parse(head.as_bytes()), expected, "{head}");
        }
        assert!(parse(b"HEAD / HTTP/1.1\r\n\r\n").is_ok_and(|request| request.is_head));
        assert_eq!(parse(b"GET /\xff HTTP/1.1\r\n\r\n"), Err(Refusal::Malformed));
    }

    #[test]
    fn head_ends_at_its_empty_line_or_is_too_large() {
        assert_eq!(head_end(b"GET / HTTP/1.1\r\n\r\nGET"), Ok(Some(18)));
        assert_eq!(head_end(b"GET / HTTP/1.1\r\n"), Ok(None));
        assert_eq!(head_end(&[b'a'; HEAD_BYTES_MAX]), Err(Refusal::HeadTooLarge));
    }
}
