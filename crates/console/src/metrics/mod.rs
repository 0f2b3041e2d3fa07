//! The page of metrics, in the text format of Prometheus (0.0.4).
//!
//! Cardinality: by default each partition that the broker leads has seven series, and each partition that a group has
//! committed to has three. Where that is too much, `?detail=topic` adds partitions up, under the same names with a label
//! less, so that the same queries work; `?detail=broker` leaves topics out. APIs and error codes appear when they are
//! first used.

mod broker;
mod groups;
mod partitions;
mod process;
mod text;
mod transactions;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ::broker::status::Status;
use protocol::Timestamp;

use self::text::Text;

/// The media type of the page.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How fine the metrics are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Broker,
    Topic,
    Partition,
}

impl Detail {
    /// What the query of a request asks for; `None` if it is not to be understood.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let mut detail = Self::Partition;
        for pair in query.split('&') {
            detail = match pair.split_once('=') {
                Some(("detail", "broker")) => Self::Broker,
                Some(("detail", "topic")) => Self::Topic,
                Some(("detail", "partition")) => Self::Partition,
                Some(("detail", _)) => return None,
                _ => detail,
            };
        }
        Some(detail)
    }
}

/// The page. Without a broker it has what is to be said of the process alone.
pub(crate) fn page(status: Option<&Status>, started: Instant, detail: Detail) -> String {
    let began = Instant::now();
    let mut text = Text::default();
    process::write(&mut text, started);
    let is_ready = status.is_some_and(|status| status.hindrances().is_empty());
    text.gauge("ottla_ready", "Whether the broker can do its work; /readyz says why not.")
        .sample(&[], u8::from(is_ready));
    if let Some(status) = status {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        broker::write(&mut text, status);
        partitions::write(&mut text, status, detail);
        groups::write(&mut text, status, detail, now);
        transactions::write(&mut text, status, detail, now);
    }
    text.gauge("ottla_scrape_duration_seconds", "How long it took to make this page.")
        .sample(&[], began.elapsed().as_secs_f64());
    text.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_is_read_from_the_query() {
        for (query, expected) in [
            ("", Some(Detail::Partition)),
            ("detail=topic", Some(Detail::Topic)),
            ("a=b&detail=broker", Some(Detail::Broker)),
            ("detail=partition&", Some(Detail::Partition)),
            ("detail=all", None),
        ] {
            assert_eq!(Detail::parse(query), expected, "{query}");
        }
    }
}
