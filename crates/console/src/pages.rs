//! Which page is where.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use broker::status::Status;
use tokio::sync::Semaphore;

use crate::request::Request;
use crate::{health, metrics};

const OK: &str = "200 OK";
const TEXT: &str = "text/plain; charset=utf-8";

/// The pages that there are, for whoever looks at the root.
const CONTENTS: &str = "\
/metrics   metrics in the text format of Prometheus; ?detail=topic or ?detail=broker for fewer of them
/healthz   whether the process is alive
/readyz    whether the broker can do its work, and why not
";

/// All pages.
#[derive(Debug)]
pub(crate) struct Pages {
    started: Instant,
    broker: OnceLock<Status>,
    /// One page of metrics is made at a time: it may be large.
    scrape: Semaphore,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn text(status: &'static str, body: &str) -> Self {
        Self { status, content_type: TEXT, body: format!("{}\n", body.trim_end()) }
    }
}

impl Default for Pages {
    fn default() -> Self {
        let (started, broker) = (Instant::now(), OnceLock::new());
        Self { started, broker, scrape: Semaphore::new(1) }
    }
}

impl Pages {
    pub(crate) fn attach(&self, broker: Status) {
        // A process has one broker.
        let _first = self.broker.set(broker);
    }

    /// Answers a request.
    pub(crate) async fn answer(pages: &Arc<Self>, request: &Request) -> Page {
        match request.path.as_str() {
            "/" => Page::text(OK, CONTENTS),
            "/healthz" => health::alive(),
            "/readyz" => Self::on_blocking_thread(pages, Self::readiness).await,
            "/metrics" => match metrics::Detail::parse(&request.query) {
                Some(detail) => {
                    let _permit = pages.scrape.acquire().await;
                    Self::on_blocking_thread(pages, move |pages| pages.metrics(detail)).await
                }
                None => Page::text("400 Bad Request", "detail is one of partition, topic, broker"),
            },
            _ => Page::text("404 Not Found", "there is no such page; / lists those that there are"),
        }
    }

    /// Makes a page where it may wait for the disk.
    async fn on_blocking_thread(
        pages: &Arc<Self>,
        make: impl FnOnce(&Self) -> Page + Send + 'static,
    ) -> Page {
        let pages = Arc::clone(pages);
        tokio::task::spawn_blocking(move || make(&pages)).await.unwrap_or_else(|err| {
            tracing::error!(%err, "a page could not be made");
            Page::text("500 Internal Server Error", "the page could not be made; see the log")
        })
    }

    fn readiness(&self) -> Page {
        health::ready(self.broker.get())
    }

    fn metrics(&self, detail: metrics::Detail) -> Page {
        let body = metrics::page(self.broker.get(), self.started, detail);
        Page { status: OK, content_type: metrics::CONTENT_TYPE, body }
    }
}
