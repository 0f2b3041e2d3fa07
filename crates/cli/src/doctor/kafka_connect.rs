//! What Kafka Connect's workers say of themselves and of their connectors: over REST, for nothing of it is in the cluster
//! in a form that others may read.

use std::time::Duration;

use client::Metadata;
use serde_json::Value;

use super::Finding;
use super::http::Url;

const CHECK: &str = "connect";

/// Workers hand a request on to their leader, which may be in a rebalance.
const LIMIT: Duration = Duration::from_secs(20);

/// What a worker has told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) findings: Vec<Finding>,
    /// The topics with the schema history of the connectors.
    pub(super) history: Vec<String>,
}

/// Asks a worker, which answers for all of its group.
pub(super) async fn check(url: &Url, metadata: &Metadata) -> Told {
    let mut told = Told::default();
    let answers = async {
        Ok((
            url.get("/", LIMIT).await?,
            url.get("/connectors?expand=status&expand=info", LIMIT).await?,
        ))
    };
    match answers.await {
        Err(problem) => {
            let problem: String = problem;
            told.findings.push(Finding::fail(
                CHECK,
                format!("{url} is no worker that can be asked: {problem}"),
                "is a worker running there? its `listeners` say where it answers",
            ));
        }
        Ok((worker, connectors)) => {
            told.findings.push(judge_worker(url, &worker, metadata.cluster_id.as_deref()));
            let connectors = connectors.as_object().cloned().unwrap_or_default();
            for (name, connector) in &connectors {
                told.findings.push(judge_connector(url, name, connector));
                told.findings.extend(judge_signals(name, connector, metadata));
                told.history.extend(setting(connector, "schema.history.internal.kafka.topic"));
            }
        }
    }
    told
}

fn judge_worker(url: &Url, worker: &Value, cluster_id: Option<&str>) -> Finding {
    let text = |field: &str| worker.get(field).and_then(Value::as_str);
    let version = text("version").unwrap_or("unknown");
    if text("kafka_cluster_id") == cluster_id {
        return Finding::ok(CHECK, format!("{url} is a worker of this cluster, version {version}"));
    }
    Finding::fail(
        CHECK,
        format!(
            "{url} is a worker of another cluster: {}",
            text("kafka_cluster_id").unwrap_or("none")
        ),
        "let its bootstrap.servers and --bootstrap be of one cluster",
    )
}

/// The state of a connector and of its tasks.
fn judge_connector(url: &Url, name: &str, connector: &Value) -> Finding {
    let at = |path: &str| connector.pointer(path);
    let state = |it: Option<&Value>| it.and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let own = state(at("/status/connector/state"));
    let tasks = at("/status/tasks").and_then(Value::as_array).cloned().unwrap_or_default();
    let failed = at("/status/connector")
        .into_iter()
        .chain(&tasks)
        .find(|it| it.get("state").and_then(Value::as_str) == Some("FAILED"));
    if let Some(failed) = failed {
        let trace = failed.get("trace").and_then(Value::as_str).unwrap_or_default();
        return Finding::fail(
            CHECK,
            format!("{name} has failed: {}", reason(trace)),
            format!(
                "then: curl -X POST '{url}/connectors/{name}/restart?includeTasks=true&onlyFailed=true'"
            ),
        );
    }
    let running = tasks.iter().filter(|task| state(task.get("state")) == "RUNNING").count();
    match own.as_str() {
        "RUNNING" if running > 0 && running == tasks.len() => {
            Finding::ok(CHECK, format!("{name} runs, with {running} of {running} tasks"))
        }
        "RUNNING" => Finding::warn(
            CHECK,
            format!("{name} runs, with {running} of {} tasks", tasks.len()),
            "a rebalance takes a moment; after the death of a worker, up to scheduled.rebalance.max.delay.ms",
        ),
        "PAUSED" | "STOPPED" => Finding::warn(
            CHECK,
            format!("{name} is {}: nothing moves", own.to_lowercase()),
            format!("curl -X PUT '{url}/connectors/{name}/resume'"),
        ),
        _ => Finding::warn(
            CHECK,
            format!("{name} is {}", own.to_lowercase()),
            "no worker has it yet: are they all running?",
        ),
    }
}

/// The last cause that a trace names, which is the first there was; its first line else.
fn reason(trace: &str) -> &str {
    let mut causes = trace.lines().filter_map(|line| line.strip_prefix("Caused by: "));
    causes.next_back().or_else(|| trace.lines().next()).unwrap_or("it does not say why")
}

/// Debezium reads signals from the first partition of their topic alone, and does not create it.
fn judge_signals(name: &str, connector: &Value, metadata: &Metadata) -> Option<Finding> {
    let channels = setting(connector, "signal.enabled.channels").unwrap_or_default();
    if !channels.split(',').any(|channel| channel.trim() == "kafka") {
        return None;
    }
    let topic = setting(connector, "signal.kafka.topic")
        .or_else(|| setting(connector, "topic.prefix").map(|prefix| format!("{prefix}-signal")))?;
    let count = metadata.topics.get(&topic).map_or(0, |topic| topic.partitions.len());
    let what = format!("{topic}, with the signals for {name}, has {count} partitions");
    Some(match count {
        1 => Finding::ok(CHECK, format!("{topic}, with the signals for {name}, has one partition")),
        0 => Finding::fail(
            CHECK,
            format!("{topic}, with the signals for {name}, is not there"),
            format!("ottla topic create {topic} -p 1"),
        ),
        _ => Finding::fail(CHECK, what, "only the first is read: copy it to a topic with one"),
    })
}

fn setting(connector: &Value, key: &str) -> Option<String> {
    connector.get("info")?.get("config")?.get(key)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::Status;
    use super::*;

    fn url() -> Url {
        "http://connect:8083".parse().unwrap()
    }

    #[test]
    fn worker_is_judged_by_its_cluster() {
        let worker = json!({"version": "4.3.1", "kafka_cluster_id": "a"});
        assert_eq!(judge_worker(&url(), &worker, Some("a")).status, Status::Ok);
        let other = judge_worker(&url(), &worker, Some("b"));
        assert_eq!(other.status, Status::Fail);
        assert!(other.what.contains("another cluster: a"), "{}", other.what);
    }

    #[test]
    fn connector_is_judged_by_its_state_and_its_tasks() {
        let trace = "org.apache.kafka.connect.errors.ConnectException: gave up\n\tat a.b(C.java:1)\n\
                     Caused by: java.io.IOException: broken\n\tat d\nCaused by: no route to host\n";
        for (own, tasks, expected, what) in [
            ("RUNNING", vec!["RUNNING"], Status::Ok, "shop runs, with 1 of 1 tasks"),
            (
                "RUNNING",
                vec!["RUNNING", "UNASSIGNED"],
                Status::Warn,
                "shop runs, with 1 of 2 tasks",
            ),
            ("RUNNING", vec![], Status::Warn, "shop runs, with 0 of 0 tasks"),
            ("RUNNING", vec!["FAILED"], Status::Fail, "shop has failed: no route to host"),
            ("FAILED", vec![], Status::Fail, "shop has failed: it does not say why"),
            ("PAUSED", vec!["PAUSED"], Status::Warn, "shop is paused: nothing moves"),
            ("UNASSIGNED", vec![], Status::Warn, "shop is unassigned"),
        ] {
            let tasks: Vec<_> =
                tasks.iter().map(|state| json!({"state": state, "trace": trace})).collect();
            let connector = json!({"status": {"connector": {"state": own}, "tasks": tasks}});
            let finding = judge_connector(&url(), "shop", &connector);
            assert_eq!((finding.status, finding.what.as_str()), (expected, what));
        }
    }

    #[test]
    fn topic_of_signals_needs_one_partition() {
        let connector = |channels: &str| {
            json!({"info": {"config": {
                "topic.prefix": "shop", "signal.enabled.channels": channels
            }}})
        };
        let metadata = Metadata {
            cluster_id: None,
            controller: None,
            brokers: BTreeMap::new(),
            topics: BTreeMap::new(),
        };
        assert!(judge_signals("c", &connector("source"), &metadata).is_none());
        let finding = judge_signals("c", &connector("source, kafka"), &metadata).unwrap();
        assert_eq!(finding.what, "shop-signal, with the signals for c, is not there");
        assert_eq!(finding.advice.as_deref(), Some("ottla topic create shop-signal -p 1"));
    }
}
