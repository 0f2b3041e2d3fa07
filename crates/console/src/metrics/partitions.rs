//! The partitions that the broker leads.

use std::fmt::Display;

use broker::status::{PartitionStatus, Status};

use super::Detail;
use super::text::{Label, Text};

/// A number of a partition.
type Number = fn(&PartitionStatus) -> i128;

/// The families, with what each shows.
const FAMILIES: &[(&str, &str, Number)] = &[
    ("ottla_partition_log_start_offset", "The first offset there is.", |it| {
        it.log_start_offset.0.into()
    }),
    ("ottla_partition_log_end_offset", "The offset that the next record gets.", |it| {
        it.log_end_offset.0.into()
    }),
    ("ottla_partition_high_watermark", "Consumers read up to here.", |it| {
        it.high_watermark.0.into()
    }),
    ("ottla_partition_last_stable_offset", "Up to here no transaction is open.", |it| {
        it.last_stable_offset.0.into()
    }),
    ("ottla_partition_flushed_offset", "Up to here all is on stable storage.", |it| {
        it.flushed_offset.0.into()
    }),
    ("ottla_partition_size_bytes", "The bytes of its segments.", |it| it.size_bytes.into()),
    ("ottla_partition_segments", "How many segments it has.", |it| it.segments as i128),
];

pub(super) fn write(text: &mut Text, status: &Status, detail: Detail) {
    if detail == Detail::Broker {
        return;
    }
    let mut partitions: Vec<_> = status.partitions().collect();
    partitions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    for (name, help, number) in FAMILIES {
        let mut family = text.gauge(name, help);
        match detail {
            Detail::Partition => {
                for it in &partitions {
                    let labels: [Label<'_>; 2] =
                        [("topic", &it.topic), ("partition", &it.partition)];
                    family.sample(&labels, number(it));
                }
            }
            Detail::Topic | Detail::Broker => {
                for of_topic in partitions.chunk_by(|a, b| a.topic == b.topic) {
                    let sum: i128 = of_topic.iter().map(number).sum();
                    let topic: &dyn Display = of_topic.first().map_or(&"", |it| &it.topic);
                    family.sample(&[("topic", topic)], sum);
                }
            }
        }
    }
}
