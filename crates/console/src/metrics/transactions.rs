//! Transactions that nobody ends. As a rule there are none, so each that there is gets a series of its own.

use broker::status::Status;
use protocol::Timestamp;

use super::Detail;
use super::text::{Label, Text};

pub(super) fn write(text: &mut Text, status: &Status, detail: Detail, now: Timestamp) {
    let mut late: Vec<_> = status.late_transactions(now).collect();
    late.sort();
    let help = "Partitions in which a transaction is open for longer than any may be.";
    text.gauge("ottla_partitions_with_late_transactions", help).sample(&[], late.len());
    let help = "Such a partition: committed records are read up to there and no further. `ottla doctor` says who waits.";
    let mut family = text.gauge("ottla_partition_late_transactions", help);
    match detail {
        Detail::Broker => {}
        Detail::Topic => {
            for of_topic in late.chunk_by(|one, other| one.topic == other.topic) {
                let topic = of_topic.first().map_or("", |it| &it.topic);
                family.sample(&[("topic", &topic)], of_topic.len());
            }
        }
        Detail::Partition => {
            for it in &late {
                let labels: [Label<'_>; 2] = [("topic", &it.topic), ("partition", &it.partition)];
                family.sample(&labels, 1);
            }
        }
    }
}
