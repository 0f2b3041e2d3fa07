//! Whether the brokers' disks work and have room.

use client::{Client, Error, Metadata};
use protocol::BrokerId;
use protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResult};

use super::Finding;

const CHECK: &str = "disks";

/// Below these shares of free room, in percent.
const WARN_PERCENT: i128 = 15;
const FAIL_PERCENT: i128 = 5;

pub(super) async fn check(client: &Client, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in metadata.brokers.keys() {
        match directories(client, *id).await {
            Ok(directories) => findings.extend(directories.iter().map(|it| judge(*id, it))),
            Err(err) => findings.push(Finding::warn(
                CHECK,
                format!("broker {id} does not tell of its disks: {err}"),
                "look at them on its machine",
            )),
        }
    }
    findings
}

async fn directories(client: &Client, id: BrokerId) -> Result<Vec<DescribeLogDirsResult>, Error> {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let response = client.broker(id).await?.call(request).await?;
    Error::check(response.error_code, None, || format!("log directories of broker {id}"))?;
    Ok(response.results)
}

fn judge(id: BrokerId, directory: &DescribeLogDirsResult) -> Finding {
    let name = format!("broker {id}, {}", directory.log_dir);
    let failed = Error::check(directory.error_code, None, || name.clone());
    if let Err(err) = failed {
        let advice = "the broker has given it up: look at its log, and at the disk";
        return Finding::fail(CHECK, err.to_string(), advice);
    }
    let (total, free) = (directory.total_bytes, directory.usable_bytes);
    if total <= 0 || free < 0 {
        return Finding::ok(CHECK, format!("{name} works; how much room it has is not told"));
    }
    let percent = i128::from(free) * 100 / i128::from(total);
    let what = format!("{name} has {} of {} free ({percent}%)", gigabytes(free), gigabytes(total));
    let advice =
        "shorten retention.ms or retention.bytes of the largest topics, or give it a larger disk";
    if percent < FAIL_PERCENT {
        Finding::fail(CHECK, what, advice)
    } else if percent < WARN_PERCENT {
        Finding::warn(CHECK, what, advice)
    } else {
        Finding::ok(CHECK, what)
    }
}

fn gigabytes(bytes: i64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn disk_is_judged_by_its_free_share() {
        for (error_code, total, free, expected) in [
            (0, 1_000_000_000_000, 200_000_000_000, Status::Ok),
            (0, 1_000_000_000_000, 149_000_000_000, Status::Warn),
            (0, 1_000_000_000_000, 49_000_000_000, Status::Fail),
            (0, i64::MAX, i64::MAX, Status::Ok),
            (0, -1, -1, Status::Ok),
            (56, 100, 100, Status::Fail),
        ] {
            let directory = DescribeLogDirsResult {
                error_code,
                log_dir: "/data".to_owned(),
                topics: Vec::new(),
                total_bytes: total,
                usable_bytes: free,
                is_cordoned: false,
            };
            let finding = judge(BrokerId(1), &directory);
            assert_eq!(finding.status, expected, "{}", finding.what);
        }
        assert_eq!(gigabytes(1_234_567_890), "1.2 GB");
    }
}
