//! Which partition a key belongs to: the same as with the Java client, so that both can write to one topic.

use protocol::PartitionId;

/// The partition of `key` in a topic of `partition_count` partitions (`BuiltInPartitioner.partitionForKey`).
pub fn partition_of_key(key: &[u8], partition_count: i32) -> PartitionId {
    let positive = (murmur2(key) & 0x7fff_ffff).cast_signed();
    PartitionId(positive % partition_count.max(1))
}

/// Murmur2 with Kafka's seed (`Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0, |word: u32, &byte| word << 8 | u32::from(byte));
        let mut k = word.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word: u32, &byte| word << 8 | u32::from(byte));
        hash = (hash ^ word).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of Kafka's own test of `murmur2`.
    #[test]
    fn murmur2_is_kafkas() {
        let rows: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in rows {
            assert_eq!(murmur2(key).cast_signed(), hash, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn partition_is_always_one_of_the_topic() {
        for count in [1, 3, 7] {
            for key in 0..100_u8 {
                assert!((0..count).contains(&partition_of_key(&[key], count).0));
            }
        }
    }
}
