//! The tools that others measure with: Kafka's own in Java, and librdkafka. What they say is what is told.

use std::path::Path;
use std::time::Duration;

use testkit::kafka_dist::kafka_dist;
use testkit::{process, python};

use crate::bench::{Bench, Values};
use crate::wire::Result;

const LIMIT: Duration = Duration::from_secs(300);
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/librdkafka.py");
/// The heap that the scripts of the two tools give them; the others get less.
const HEAP: [&str; 1] = ["-Xmx512M"];
const LATENCY_HEAP: [&str; 1] = ["-Xmx256M"];
const RECORD_BYTES: u64 = 1000;
const MIB: f64 = 1_048_576.0;

fn java(heap: &[&str], class: &str, args: &[&str]) -> Result<String> {
    let class = format!("org.apache.kafka.tools.{class}");
    let output = process::run(kafka_dist().java_as_shipped(heap, &class).args(args), LIMIT)?;
    match output.failure {
        None => Ok(output.stdout),
        Some(failure) => {
            Err(format!("{class}: {failure}\n{}{}", output.stdout, output.stderr).into())
        }
    }
}

/// `kafka-producer-perf-test`, acks=all.
pub(crate) fn java_produce(bench: &Bench<'_>, topic: &str) -> Result<Values> {
    let records = bench.form.tool_records;
    let cpu_before = bench.broker.cpu_seconds()?;
    let (count, size) = (records.to_string(), RECORD_BYTES.to_string());
    let output = java(
        &HEAP,
        "ProducerPerformance",
        &[
            "--topic",
            topic,
            "--num-records",
            &count,
            "--record-size",
            &size,
            "--throughput",
            "-1",
            "--bootstrap-server",
            bench.broker.address(),
            "--command-property",
            "acks=all",
        ],
    )?;
    let cpu = bench.broker.cpu_seconds()? - cpu_before;
    // The last line sums up: `N records sent, X records/sec (Y MB/sec), …`.
    let last = output.lines().rfind(|line| line.contains("MB/sec")).ok_or("no summary")?;
    let speed = last.split('(').nth(1).and_then(|rest| rest.split(' ').next());
    let speed = speed.ok_or("no speed in the summary")?.replace(',', ".").parse::<f64>()?;
    let bytes = (records * RECORD_BYTES) as f64;
    Ok(vec![("MB/s", speed * MIB / 1e6), ("CPU s/GB", cpu / (bytes / 1e9))])
}

/// `kafka-consumer-perf-test`, of what lies there already.
pub(crate) fn java_consume(bench: &Bench<'_>, topic: &str) -> Result<Values> {
    let records = bench.form.tool_records;
    java_produce(bench, topic)?;
    let cpu_before = bench.broker.cpu_seconds()?;
    let output = java(
        &HEAP,
        "ConsumerPerformance",
        &[
            "--topic",
            topic,
            "--num-records",
            &records.to_string(),
            "--bootstrap-server",
            bench.broker.address(),
            "--hide-header",
        ],
    )?;
    let cpu = bench.broker.cpu_seconds()? - cpu_before;
    // Start, end, MB, MB/s, records, records/s, ms of the rebalance, ms of fetching, MB/s and records/s of it.
    let line = output.lines().rfind(|line| line.split(',').count() == 10).ok_or("no summary")?;
    let speed = line.split(',').nth(8).ok_or("no speed in the summary")?.trim().parse::<f64>()?;
    let bytes = (records * RECORD_BYTES) as f64;
    Ok(vec![("MB/s", speed * MIB / 1e6), ("CPU s/GB", cpu / (bytes / 1e9))])
}

/// `kafka-e2e-latency`, one record at a time; it counts whole milliseconds.
pub(crate) fn java_latency(bench: &Bench<'_>, topic: &str) -> Result<Values> {
    let count = (bench.form.tool_records / 20).to_string();
    let output = java(
        &LATENCY_HEAP,
        "EndToEndLatency",
        &[bench.broker.address(), topic, &count, "all", "1000"],
    )?;
    // `Avg latency: X ms`, and `Percentiles: 50th = A, 99th = B, 99.9th = C`.
    let value = |key: &str| {
        let rest = output.split(key).nth(1).unwrap_or_default();
        let number = rest.split_whitespace().find(|word| word.starts_with(char::is_numeric));
        let number = number.unwrap_or_default().trim_end_matches(',');
        number.parse::<f64>().map_err(|err| format!("{key} in {output}: {err}"))
    };
    Ok(vec![
        ("mean ms", value("Avg latency:")?),
        ("p99 ms", value(" 99th =")?),
        ("p99.9 ms", value("99.9th =")?),
    ])
}

fn librdkafka(bench: &Bench<'_>, mode: &str, topic: &str) -> Result<Values> {
    let records = bench.form.tool_records;
    let cpu_before = bench.broker.cpu_seconds()?;
    let mut command = python::script(Path::new(SCRIPT));
    command.args([mode, bench.broker.address(), topic]);
    command.args([records.to_string(), RECORD_BYTES.to_string()]);
    let output = process::run(&mut command, LIMIT)?;
    if let Some(failure) = output.failure {
        return Err(format!("librdkafka: {failure}\n{}", output.stderr).into());
    }
    let cpu = bench.broker.cpu_seconds()? - cpu_before;
    let gigabytes = (records * RECORD_BYTES) as f64 / 1e9;
    let seconds = output.stdout.trim().parse::<f64>()?;
    Ok(vec![("MB/s", gigabytes * 1e3 / seconds), ("CPU s/GB", cpu / gigabytes)])
}

/// librdkafka's producer with its defaults, acks=all among them.
pub(crate) fn librdkafka_produce(bench: &Bench<'_>, topic: &str) -> Result<Values> {
    librdkafka(bench, "produce", topic)
}

/// librdkafka's consumer, of what its producer wrote.
pub(crate) fn librdkafka_consume(bench: &Bench<'_>, topic: &str) -> Result<Values> {
    librdkafka(bench, "produce", topic)?;
    librdkafka(bench, "consume", topic)
}
