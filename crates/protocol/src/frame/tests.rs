//! Frames and ropes: what is written is what the other side reads, and damage is said in words.

use super::*;
use crate::api::ApiKey;
use crate::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use crate::messages::{
    FetchResponse, MetadataRequest, Request, Response, StrBytes, decode_request, decode_response,
};
use bytes::{Buf as _, Bytes};
use proptest::prelude::*;
use std::io::IoSlice;

fn header(api: ApiKey, version: i16) -> RequestHeader {
    let client_id = StrBytes::from_static_str("me");
    RequestHeader { api, version, correlation_id: 7, client_id }
}

/// What is left of a rope, in one buffer.
fn flat(mut rope: Rope) -> Vec<u8> {
    rope.copy_to_bytes(rope.remaining()).to_vec()
}

#[test]
fn frame_length_is_bounded() {
    assert_eq!(frame_length([0, 0, 1, 0], 256), Ok(256));
    assert_eq!(
        frame_length([0, 0, 1, 0], 255),
        Err(FrameError::TooLarge { length: 256, max: 255 })
    );
    // What a browser or a TLS client sends first.
    assert!(frame_length(*b"GET ", 100 << 20).is_err());
    assert_eq!(frame_length([0xff; 4], 255), Err(FrameError::Negative(-1)));
}

#[test]
fn request_header_of_each_version_is_split_from_the_body() {
    let rows: [(&'static [u8], ApiKey, i16, &str); 4] = [
        // Header version 1: no tagged fields.
        (b"\x00\x03\x00\x01\x00\x00\x00\x07\x00\x02mebody", ApiKey::Metadata, 1, "me"),
        (b"\x00\x03\x00\x01\x00\x00\x00\x07\xff\xffbody", ApiKey::Metadata, 1, ""),
        // Header version 2, with a tagged field that is passed over.
        (b"\x00\x03\x00\x0c\x00\x00\x00\x07\x00\x00\x01\x05\x01xbody", ApiKey::Metadata, 12, ""),
        // A version of the future.
        (b"\x00\x12\x00\x63\x00\x00\x00\x07\x00\x02me\x00body", ApiKey::ApiVersions, 99, "me"),
    ];
    for (frame, api, version, client_id) in rows {
        let (header, body) = split_request(Bytes::from_static(frame)).unwrap();
        assert_eq!((header.api, header.version, header.correlation_id), (api, version, 7));
        assert_eq!(&*header.client_id, client_id);
        assert_eq!(body, "body");
        // A slice of the frame, not a copy.
        assert!(frame.as_ptr_range().contains(&body.as_ptr()));
    }
}

#[test]
fn request_header_that_cannot_be_read_says_why() {
    let rows: [(&'static [u8], &str); 6] = [
        (b"", "the header of a frame is damaged: 2 bytes are needed and 0 are left"),
        (b"\x00", "the header of a frame is damaged: 2 bytes are needed and 1 are left"),
        (b"\x00\x04\x00\x02", "there is no API with the key 4 (version 2)"),
        (
            b"\x00\x03\x00\x01\x00\x00\x00\x07\x00\x09me",
            "the header of a frame is damaged: 9 bytes are needed and 2 are left",
        ),
        (
            b"\x00\x03\x00\x01\x00\x00\x00\x07\xff\xfe",
            "the header of a frame is damaged: a length is -2",
        ),
        (
            b"\x00\x03\x00\x01\x00\x00\x00\x07\x00\x01\xff",
            "the header of a frame is damaged: a string is not UTF-8",
        ),
    ];
    for (frame, text) in rows {
        let error = split_request(Bytes::from_static(frame)).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn request_encoded_is_what_a_broker_splits_and_decodes() {
    for version in [1, 12] {
        let header = header(ApiKey::Metadata, version);
        let request = Request::from(MetadataRequest::default());
        let mut frame = encode_request(&header, &request).unwrap();
        let length = frame_length(frame.split_to(4)[..].try_into().unwrap(), usize::MAX);
        assert_eq!(length, Ok(frame.len()));
        let (read, body) = split_request(frame).unwrap();
        assert_eq!(read, header);
        assert_eq!(decode_request(ApiKey::Metadata, version, body).unwrap(), request);
    }
}

#[test]
fn response_header_has_tagged_fields_only_where_the_version_is_flexible() {
    for (api, version, header) in [
        (ApiKey::Fetch, 11, &b"\x00\x00\x00\x07"[..]),
        (ApiKey::Fetch, 12, b"\x00\x00\x00\x07\x00"),
        (ApiKey::ApiVersions, 4, b"\x00\x00\x00\x07"),
    ] {
        let response = match api {
            ApiKey::Fetch => Response::Fetch(Default::default()),
            _ => Response::ApiVersions(Default::default()),
        };
        let mut encoder = RopeEncoder::new();
        encode_response(version, 7, &response, &mut encoder).unwrap();
        let frame = Bytes::from(flat(encoder.finish())).slice(4..);
        assert_eq!(frame[..header.len()], *header, "{api} {version}");
        let (correlation_id, body) = split_response(api, version, frame).unwrap();
        assert_eq!(correlation_id, 7);
        assert_eq!(decode_response(api, version, body).unwrap(), response);
    }
}

/// A response with these records, one partition each.
fn fetch_response(records: &[Bytes]) -> Response {
    let partition = |records: &Bytes| PartitionData::default().with_records(Some(records.clone()));
    let topic =
        FetchableTopicResponse::default().with_partitions(records.iter().map(partition).collect());
    FetchResponse::default().with_responses(vec![topic]).into()
}

/// The frame as a rope that shares the records, and flat.
fn encode(records: &[Bytes], version: i16) -> (Rope, Vec<u8>) {
    let response = fetch_response(records);
    let mut encoder = RopeEncoder::new();
    for (index, records) in records.iter().enumerate() {
        assert_eq!(encoder.share(records.clone()), index);
    }
    encode_response(version, 7, &response, &mut encoder).unwrap();
    let mut copied = RopeEncoder::new();
    encode_response(version, 7, &response, &mut copied).unwrap();
    assert_eq!(encoder.len(), copied.len());
    (encoder.finish(), flat(copied.finish()))
}

#[test]
fn rope_keeps_large_records_where_they_are() {
    let log = Bytes::from(vec![1; 50_000]);
    let records = [log.slice(..10_000), log.slice(10_000..10_100), log.slice(20_000..)];
    let (rope, _) = encode(&records, 16);
    let shared: Vec<(usize, *const u8, usize)> = rope
        .segments()
        .filter_map(|segment| match segment {
            Segment::Shared { bytes, index, offset: 0 } => {
                Some((*index, bytes.as_ptr(), bytes.len()))
            }
            _ => None,
        })
        .collect();
    // The second is too small to be worth a segment.
    let expected = [0, 2].map(|index| (index, records[index].as_ptr(), records[index].len()));
    assert_eq!(shared, expected);
}

#[test]
fn rope_partly_written_says_where_in_the_slice_it_is() {
    let log = Bytes::from(vec![1; 10_000]);
    let (mut rope, _) = encode(std::slice::from_ref(&log), 16);
    let Some(Segment::Owned(head)) = rope.front() else { panic!("no header") };
    rope.advance(head.len() + 4000);
    let expected = Segment::Shared { bytes: log.slice(4000..), index: 0, offset: 4000 };
    assert_eq!(rope.front(), Some(&expected));
}

#[test]
fn rope_behind_another_has_its_slices_behind_the_others() {
    let logs = [1, 2].map(|byte| Bytes::from(vec![byte; 10_000]));
    let (mut rope, mut expected) = encode(&logs[..1], 16);
    let (next, next_flat) = encode(&logs[1..], 16);
    rope.append(next, 1);
    expected.extend(next_flat);
    let shared = rope.segments().filter_map(|segment| match segment {
        Segment::Shared { bytes, index, .. } => Some((*index, bytes.clone())),
        Segment::Owned(_) => None,
    });
    assert_eq!(shared.collect::<Vec<_>>(), [(0, logs[0].clone()), (1, logs[1].clone())]);
    assert_eq!(rope.remaining(), expected.len());
    assert_eq!(flat(rope), expected);
}

proptest! {
    /// The lengths are those of small and large records, the steps those of a socket that takes what it likes.
    #[test]
    fn rope_has_the_bytes_of_the_flat_frame(
        lengths in prop::collection::vec((any::<bool>(), 0usize..5000), 0..8),
        version in 4i16..=18,
        step in 1usize..10_000,
    ) {
        let bytes: Vec<u8> = (0..80_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut log = Bytes::from(bytes);
        let records: Vec<Bytes> = lengths
            .iter()
            .map(|(is_large, length)| log.split_to(length + if *is_large { 4096 } else { 0 }))
            .collect();
        let (mut rope, expected) = encode(&records, version);
        prop_assert_eq!(rope.remaining(), expected.len());
        let length = frame_length(expected[..4].try_into().unwrap(), usize::MAX);
        prop_assert_eq!(length, Ok(expected.len() - 4));
        let mut written = Vec::new();
        while rope.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 3];
            let count = rope.chunks_vectored(&mut slices);
            let offered: Vec<u8> =
                slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
            let taken = offered.len().min(step);
            prop_assert!(taken > 0);
            written.extend_from_slice(&offered[..taken]);
            rope.advance(taken);
        }
        prop_assert_eq!(written, expected);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let frame = Bytes::from(bytes);
        if let Ok((header, body)) = split_request(frame.clone()) {
            let _ = decode_request(header.api, header.version, body);
        }
        let _ = split_response(ApiKey::Fetch, 16, frame);
    }
}
