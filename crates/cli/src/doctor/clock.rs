//! Whether this machine and the cluster agree on the time.
//!
//! No API asks a broker for its time, but DescribeQuorum says when each voter had last caught up with the leader, and for
//! the leader itself that is now (KIP-836).

use client::{Client, Error};
use protocol::messages::DescribeQuorumRequest;
use protocol::messages::describe_quorum_request::{PartitionData, TopicData};

use super::Finding;
use crate::moment::now;
use crate::wire::topic_name;

const CHECK: &str = "clock";

const WARN_MS: i64 = 1_000;
/// Many topics refuse records that are stamped this far in the future.
const FAIL_MS: i64 = 5_000;

pub(super) async fn check(client: &Client) -> Finding {
    match skew_ms(client).await {
        Ok(Some((skew_ms, error_ms))) => judge(skew_ms, error_ms),
        Ok(None) => Finding::ok(CHECK, "the cluster does not tell its time"),
        Err(err) => Finding::ok(CHECK, format!("the cluster does not tell its time: {err}")),
    }
}

/// How far the controller's clock is ahead of ours, and how much of that may be the time of the request.
async fn skew_ms(client: &Client) -> Result<Option<(i64, i64)>, Error> {
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![PartitionData::default()]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    // So that only the request itself is timed.
    let connection = client.any().await?;
    let asked = now();
    let response = connection.call(request).await?;
    let answered = now();
    Error::check(response.error_code, None, || "the quorum".to_owned())?;
    let partition = response.topics.iter().flat_map(|topic| &topic.partitions).next();
    let told = partition.and_then(|partition| {
        let voters = &partition.current_voters;
        let leader = voters.iter().find(|voter| voter.replica_id == partition.leader_id)?;
        Some(leader.last_caught_up_timestamp).filter(|told| *told > 0)
    });
    let half = (answered.0 - asked.0) / 2;
    Ok(told.map(|told| (told - asked.0 - half, half)))
}

fn judge(skew_ms: i64, error_ms: i64) -> Finding {
    let certain_ms = skew_ms.abs().saturating_sub(error_ms);
    let direction = if skew_ms > 0 { "ahead of" } else { "behind" };
    let seconds = certain_ms / 1000;
    let what = format!("the controller's clock is {seconds} s {direction} this machine's");
    let advice = "let both follow a time server: seeks by time go wrong, and records from the future are refused \
                  (message.timestamp.after.max.ms)";
    match certain_ms {
        FAIL_MS.. => Finding::fail(CHECK, what, advice),
        WARN_MS.. => Finding::warn(CHECK, what, advice),
        _ => Finding::ok(CHECK, "the controller's clock and this machine's agree"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn skew_is_judged_by_what_the_request_cannot_explain() {
        for (skew_ms, error_ms, expected) in [
            (20, 0, Status::Ok),
            (-900, 0, Status::Ok),
            (1_500, 1_000, Status::Ok),
            (-1_500, 0, Status::Warn),
            (6_000, 10, Status::Fail),
            (-60_000, 10, Status::Fail),
        ] {
            assert_eq!(judge(skew_ms, error_ms).status, expected, "{skew_ms}");
        }
        assert!(judge(-60_000, 0).what.contains("60 s behind"));
    }
}
