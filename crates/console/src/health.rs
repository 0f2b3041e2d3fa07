//! Whether the process is alive, and whether the broker can do its work.

use broker::status::Status;
use serde::Serialize;

use crate::pages::Page;

const JSON: &str = "application/json";

/// The answer of `/readyz`: 200 if the broker is ready, and 503 if not.
#[derive(Debug, Serialize)]
struct Readiness<'a> {
    ready: bool,
    /// What keeps it from its work; empty if it is ready.
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<&'a str>,
}

/// The process is alive, or it would not answer.
pub(crate) fn alive() -> Page {
    Page { status: "200 OK", content_type: JSON, body: "{\"alive\":true}\n".to_owned() }
}

/// The broker is ready if it accepts connections, is in the cluster, and all its log directories work.
pub(crate) fn ready(broker: Option<&Status>) -> Page {
    let reasons = match broker {
        Some(broker) => broker.hindrances(),
        None => vec!["the broker is starting: it opens its logs".to_owned()],
    };
    let readiness = Readiness {
        ready: reasons.is_empty(),
        reasons,
        node_id: broker.map(Status::node_id),
        cluster_id: broker.map(Status::cluster_id),
    };
    let status = if readiness.ready { "200 OK" } else { "503 Service Unavailable" };
    let body = serde_json::to_string(&readiness).expect("texts and numbers are JSON");
    Page { status, content_type: JSON, body: body + "\n" }
}
