//! The broker as a whole: requests, connections, log directories.

use broker::status::Status;

use super::text::{Kind, Text};

pub(super) fn write(text: &mut Text, status: &Status) {
    let (node_id, cluster_id) = (status.node_id(), status.cluster_id());
    text.gauge("ottla_broker_info", "Which broker of which cluster this is.")
        .sample(&[("node_id", &node_id), ("cluster_id", &cluster_id)], 1);
    text.gauge("ottla_metadata_offset", "The last record of the metadata that is applied.")
        .sample(&[], status.metadata_offset());
    text.gauge("ottla_topics", "Topics in the cluster.").sample(&[], status.topic_count());
    text.gauge("ottla_partitions", "Partitions that this broker leads.")
        .sample(&[], status.partition_count());
    write_requests(text, status);
    write_connections(text, status);
    write_log_dirs(text, status);
    write_cleaner(text, status);
}

fn write_requests(text: &mut Text, status: &Status) {
    let asked: Vec<_> = status.requests().asked().collect();
    let help = "From when a request was read until its answer was written, waiting included.";
    let mut family = text.family("ottla_request_duration_seconds", help, Kind::Histogram);
    for (api, requests) in &asked {
        family.histogram(("api", api), &requests.latency.observed());
    }
    let mut family = text.counter("ottla_request_bytes_total", "Bytes of requests.");
    for (api, requests) in &asked {
        family.sample(&[("api", api)], requests.request_bytes());
    }
    let mut family = text.counter("ottla_response_bytes_total", "Bytes of answers.");
    for (api, requests) in &asked {
        family.sample(&[("api", api)], requests.response_bytes());
    }
    let help = "Error codes in answers; one answer may hold many.";
    let mut family = text.counter("ottla_request_errors_total", help);
    for (api, requests) in &asked {
        for (code, count) in requests.errors() {
            family.sample(&[("api", api), ("code", &code.name())], count);
        }
    }
    let (lent, limit) = status.request_memory();
    text.gauge("ottla_request_memory_bytes", "Bytes of requests that are read or served.")
        .sample(&[], lent);
    text.gauge("ottla_request_memory_limit_bytes", "How many there may be.").sample(&[], limit);
}

fn write_connections(text: &mut Text, status: &Status) {
    let connections = status.connections();
    let mut family = text.gauge("ottla_connections", "Open connections.");
    for it in connections {
        family.sample(&[("listener", &it.listener)], it.open());
    }
    let mut family = text.counter("ottla_connections_accepted_total", "Connections so far.");
    for it in connections {
        family.sample(&[("listener", &it.listener)], it.accepted());
    }
    let help = "Connections that were refused because their address had enough.";
    let mut family = text.counter("ottla_connections_refused_total", help);
    for it in connections {
        family.sample(&[("listener", &it.listener)], it.refused());
    }
    let mut family = text.counter("ottla_connections_closed_total", "Ended connections, and why.");
    for it in connections {
        for (end, count) in it.closed() {
            family.sample(&[("listener", &it.listener), ("reason", &end.name())], count);
        }
    }
}

fn write_log_dirs(text: &mut Text, status: &Status) {
    let dirs = status.log_dirs();
    let mut family = text.gauge("ottla_log_dir_online", "Whether the log directory works.");
    for dir in &dirs {
        family.sample(&[("dir", &dir.path.display())], u8::from(dir.offline_reason.is_none()));
    }
    let help = "Whether so little is free that produce is refused.";
    let mut family = text.gauge("ottla_log_dir_low", help);
    for dir in &dirs {
        family.sample(&[("dir", &dir.path.display())], u8::from(dir.is_low));
    }
    let sizes = || dirs.iter().filter_map(|dir| Some((dir, dir.total_and_free_bytes?)));
    let mut family = text.gauge("ottla_log_dir_total_bytes", "The size of its file system.");
    for (dir, (total, _)) in sizes() {
        family.sample(&[("dir", &dir.path.display())], total);
    }
    let mut family = text.gauge("ottla_log_dir_free_bytes", "What is free of it.");
    for (dir, (_, free)) in sizes() {
        family.sample(&[("dir", &dir.path.display())], free);
    }
    text.gauge("ottla_log_files_open", "Open files of logs; each may be mapped.")
        .sample(&[], status.open_log_files());
}

fn write_cleaner(text: &mut Text, status: &Status) {
    let stats = status.cleaner();
    text.counter("ottla_cleaner_runs_total", "Compactions that were finished.")
        .sample(&[], stats.runs);
    text.counter("ottla_cleaner_read_bytes_total", "Bytes that compactions read.")
        .sample(&[], stats.bytes_before);
    text.counter("ottla_cleaner_kept_bytes_total", "Bytes that compactions kept of them.")
        .sample(&[], stats.bytes_after);
    let help = "Logs that cannot be compacted, because something in them cannot be read.";
    text.gauge("ottla_cleaner_uncleanable_logs", help).sample(&[], stats.uncleanable_logs);
}
