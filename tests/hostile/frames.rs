//! The frames that are sent, good and bad.

use protocol::api::ApiKey;
use protocol::record::{BatchBuilder, BatchOptions};
use protocol::{Timestamp, varint};
use testkit::Rng;

/// Fillings that a decoder may take for the number of elements in an array, or for the length of a string: 2^31 - 1, 2^30
/// and 2^31 as a fixed number, and as a varint.
pub(crate) const HUGE_COUNTS: [&[u8]; 5] = [
    &[0x7f, 0xff, 0xff, 0xff],
    &[0x40, 0, 0, 0],
    &[0x80, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
];

/// As long as a name that a string can hold.
const LONG: usize = 30_000;

/// A request with its header and length.
pub(crate) fn request(api: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(api.key().to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7_i32.to_be_bytes());
    // No client id.
    frame.extend((-1_i16).to_be_bytes());
    if api.request_header_version(version) >= 2 {
        frame.push(0);
    }
    frame.extend(body);
    with_length(&frame)
}

fn with_length(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("a frame is not that long");
    [&length.to_be_bytes()[..], frame].concat()
}

pub(crate) fn api_versions() -> Vec<u8> {
    request(ApiKey::ApiVersions, 0, &[])
}

/// Version 2: name, partitions, replicas, no assignments, no configs; the time, and that it is meant.
pub(crate) fn create_topic(topic: &str) -> Vec<u8> {
    let mut body = 1_i32.to_be_bytes().to_vec();
    put_string(&mut body, topic);
    body.extend(1_i32.to_be_bytes());
    body.extend(1_i16.to_be_bytes());
    body.extend([0; 8]);
    body.extend(10_000_i32.to_be_bytes());
    body.push(0);
    request(ApiKey::CreateTopics, 2, &body)
}

/// A good Produce request of one record.
pub(crate) fn produce(topic: &str) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(Timestamp(1_700_000_000_000), Some(b"key"), Some(b"value"), &[]);
    produce_batch(topic, &builder.build())
}

/// Version 3: no transactional id, acks, timeout, one topic with one partition.
fn produce_batch(topic: &str, batch: &[u8]) -> Vec<u8> {
    let mut body = (-1_i16).to_be_bytes().to_vec();
    body.extend((-1_i16).to_be_bytes());
    body.extend(10_000_i32.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    put_string(&mut body, topic);
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    body.extend(u32::try_from(batch.len()).expect("it is short").to_be_bytes());
    body.extend(batch);
    request(ApiKey::Produce, 3, &body)
}

/// DescribeConfigs in version 3 that names broker 1 so many times, and asks for the documentation.
pub(crate) fn settings_of_the_broker(count: u32) -> Vec<u8> {
    let mut body = count.to_be_bytes().to_vec();
    for _ in 0..count {
        body.push(4);
        put_string(&mut body, "1");
        // All keys.
        body.extend((-1_i32).to_be_bytes());
    }
    body.extend([1, 1]);
    request(ApiKey::DescribeConfigs, 3, &body)
}

/// IncrementalAlterConfigs in version 0 that names the loggers of broker 1 so many times, and changes none.
pub(crate) fn loggers_of_the_broker(count: u32) -> Vec<u8> {
    let mut body = count.to_be_bytes().to_vec();
    for _ in 0..count {
        body.push(8);
        put_string(&mut body, "1");
        body.extend(0_i32.to_be_bytes());
    }
    body.push(0);
    request(ApiKey::IncrementalAlterConfigs, 0, &body)
}

/// DescribeProducers in version 0, of so many partitions of a topic that there cannot be.
pub(crate) fn producers_of_a_long_name(count: u32) -> Vec<u8> {
    let name = "n".repeat(LONG);
    let mut body = Vec::new();
    put_compact_count(&mut body, 1);
    put_compact_count(&mut body, name.len());
    body.extend(name.as_bytes());
    put_compact_count(&mut body, count as usize);
    (0..count).for_each(|partition| body.extend(partition.to_be_bytes()));
    body.extend([0, 0]);
    request(ApiKey::DescribeProducers, 0, &body)
}

/// FindCoordinator in version 0: the topic of the groups is made.
pub(crate) fn find_coordinator() -> Vec<u8> {
    let mut body = Vec::new();
    put_string(&mut body, "g");
    request(ApiKey::FindCoordinator, 0, &body)
}

/// OffsetCommit in version 2, of so many offsets of one partition by a group with a long id.
pub(crate) fn commits_of_a_long_group(count: u32) -> Vec<u8> {
    let mut body = Vec::new();
    put_string(&mut body, &"g".repeat(LONG));
    body.extend((-1_i32).to_be_bytes());
    put_string(&mut body, "");
    body.extend((-1_i64).to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    put_string(&mut body, "victim");
    body.extend(count.to_be_bytes());
    for _ in 0..count {
        // Partition 0, offset 0, no metadata.
        body.extend([0; 4 + 8]);
        body.extend((-1_i16).to_be_bytes());
    }
    request(ApiKey::OffsetCommit, 2, &body)
}

pub(crate) fn produce_of_a_huge_array() -> Vec<u8> {
    let mut body = (-1_i16).to_be_bytes().to_vec();
    body.extend((-1_i16).to_be_bytes());
    body.extend(10_000_i32.to_be_bytes());
    body.extend(i32::MAX.to_be_bytes());
    request(ApiKey::Produce, 3, &body)
}

/// A batch of 61 bytes that says it has 2^31 - 1 records.
pub(crate) fn produce_of_a_huge_batch(topic: &str) -> Vec<u8> {
    // What is under the checksum: attributes, last offset, timestamps, producer, its epoch and sequence, the count.
    let mut checked = [0; 6].to_vec();
    checked.extend([0; 16]);
    checked.extend([255; 14]);
    checked.extend(i32::MAX.to_be_bytes());
    // Base offset, length, epoch, magic and the checksum.
    let mut batch = [0; 8].to_vec();
    batch.extend(49_i32.to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend(crc32c::crc32c(&checked).to_be_bytes());
    batch.extend(checked);
    produce_batch(topic, &batch)
}

/// A Metadata request, in version 9, for as many topics as fit, of which none has a name: two bytes each.
pub(crate) fn metadata_of_empty_names(bytes: usize) -> Vec<u8> {
    let count = bytes / 2;
    let mut body = Vec::with_capacity(bytes + 16);
    put_compact_count(&mut body, count);
    // A name of no characters, and no tagged fields.
    body.extend([1, 0].repeat(count));
    // Do not create them, do not tell what may be done, no tagged fields.
    body.extend([0, 0, 0, 0]);
    request(ApiKey::Metadata, 9, &body)
}

/// A Fetch request, in version 12, that opens a session and names one partition again and again: 34 bytes each.
pub(crate) fn fetch_of_one_partition_again_and_again(bytes: usize) -> Vec<u8> {
    let mut partition = Vec::new();
    // Partition, its leader's epoch, the offset, the epoch fetched last, the log's start, the bytes, no tagged fields.
    partition.extend(0_i32.to_be_bytes());
    partition.extend((-1_i32).to_be_bytes());
    partition.extend(0_i64.to_be_bytes());
    partition.extend((-1_i32).to_be_bytes());
    partition.extend((-1_i64).to_be_bytes());
    partition.extend(1_i32.to_be_bytes());
    partition.push(0);
    let count = bytes / partition.len();
    let mut body = (-1_i32).to_be_bytes().to_vec();
    // The wait, the least and the most bytes, the isolation level, the session's id and epoch.
    for number in [1_i32, 1, 1000] {
        body.extend(number.to_be_bytes());
    }
    body.push(0);
    body.extend([0; 8]);
    put_compact_count(&mut body, 1);
    body.push(7);
    body.extend(b"victim");
    put_compact_count(&mut body, count);
    body.extend(partition.repeat(count));
    // Ends the topic; nothing to forget, no rack, no tagged fields.
    body.extend([0, 1, 1, 0]);
    request(ApiKey::Fetch, 12, &body)
}

/// Anything: noise, noise behind a good header, good requests with a few bytes changed, or cut off, or too long.
pub(crate) fn random(rng: &mut Rng, topic: &str) -> Vec<u8> {
    let noise = |rng: &mut Rng| {
        let len = rng.index(300);
        rng.bytes(len)
    };
    match rng.index(6) {
        0 => noise(rng),
        1 => with_length(&noise(rng)),
        2 | 3 => {
            let api = *rng.pick(ApiKey::ALL);
            let versions = api.versions();
            let span = u64::try_from(versions.max - versions.min + 2).unwrap_or(1);
            let version = versions.min + i16::try_from(rng.within(0..=span)).unwrap_or(0);
            // Small numbers are taken for counts and lengths more often than large ones.
            let mut body = noise(rng);
            body.iter_mut().for_each(|byte| *byte &= if *byte < 160 { 3 } else { 255 });
            request(api, version, &body)
        }
        _ => {
            let good =
                [api_versions(), produce(topic), fetch_of_one_partition_again_and_again(200)];
            let mut frame = rng.pick(&good).clone();
            for _ in 0..rng.index(4) {
                let (at, noise) = (rng.index(frame.len()), rng.bytes(1));
                frame.splice(at..=at, noise);
            }
            if rng.one_in(3) {
                frame.truncate(rng.index(frame.len()));
            }
            frame
        }
    }
}

fn put_string(body: &mut Vec<u8>, text: &str) {
    body.extend(u16::try_from(text.len()).expect("it is short").to_be_bytes());
    body.extend(text.as_bytes());
}

/// The number of elements of a compact array: one more, as a varint.
fn put_compact_count(body: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count + 1).expect("it fits into a frame");
    varint::put_unsigned_varint(body, count);
}
