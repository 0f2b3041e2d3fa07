//! The hash by which a group knows that its topics have changed (KIP-1101), bit for bit Kafka's, so that nobody rebalances
//! when a broker of the other kind takes over.
//!
//! | topic's hash, XXH3 of | |
//! |---|---|
//! | 0 | i8, the version |
//! | topic id | the two halves as i64 |
//! | name | string |
//! | partitions | i32 |
//! | each partition | i32, then its racks in order: length in UTF-16 units, string |
//!
//! A group's hash is XXH3 of its topics' hashes in the order of their names. Numbers are little-endian, a string is its
//! UTF-16 units and then how many they are (`Utils.computeTopicHash`, and hash4j's `HashStream.putString`).

use std::collections::BTreeSet;

use xxhash_rust::xxh3::Xxh3;

use crate::cluster::{Cluster, Topic};

/// The hash of those of the topics that there are; 0 if there is none.
pub(super) fn of(topics: BTreeSet<&str>, cluster: &dyn Cluster) -> i64 {
    let mut hash = Xxh3::new();
    let mut is_empty = true;
    for topic in topics.into_iter().filter_map(|name| cluster.topic(name)) {
        hash.update(&topic_hash(&topic, &cluster.racks(topic.id)).to_le_bytes());
        is_empty = false;
    }
    if is_empty { 0 } else { hash.digest().cast_signed() }
}

fn topic_hash(topic: &Topic, racks: &[Vec<String>]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[0]);
    for half in topic.id.0.chunks_exact(8) {
        let mut half = half.to_vec();
        half.reverse();
        hash.update(&half);
    }
    put_string(&mut hash, &topic.name);
    hash.update(&topic.partition_count.to_le_bytes());
    for partition in 0..topic.partition_count {
        hash.update(&partition.to_le_bytes());
        let racks = usize::try_from(partition).ok().and_then(|idx| racks.get(idx));
        for rack in racks.into_iter().flatten() {
            hash.update(&utf16_len(rack).to_le_bytes());
            put_string(&mut hash, rack);
        }
    }
    hash.digest()
}

fn put_string(hash: &mut Xxh3, text: &str) {
    for unit in text.encode_utf16() {
        hash.update(&unit.to_le_bytes());
    }
    hash.update(&utf16_len(text).to_le_bytes());
}

fn utf16_len(text: &str) -> i32 {
    i32::try_from(text.encode_utf16().count()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use protocol::TopicId;

    use super::*;

    #[test]
    fn hash_of_a_topic_is_kafkas() {
        let topic = Topic {
            id: TopicId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            name: "orders".into(),
            partition_count: 2,
        };
        let hash = topic_hash(&topic, &[vec!["r1".to_owned()], Vec::new()]);
        // From hash4j 0.22, which Kafka 4.3 uses.
        assert_eq!(hash.cast_signed(), -2_851_198_874_015_058_540);
        let mut string = Xxh3::new();
        put_string(&mut string, "größe");
        assert_eq!(string.digest().cast_signed(), 7_141_357_711_385_150_297);
    }
}
