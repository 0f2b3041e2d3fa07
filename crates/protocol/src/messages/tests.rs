//! All messages in all versions, made up after Kafka's layouts: decoded and encoded again they are the same bytes.

use super::schema::random::RandomBody;
use super::*;
use bytes::BytesMut;
use proptest::prelude::*;

/// Every API with every version that we speak.
fn all() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.iter().flat_map(|api| {
        let versions = api.versions();
        (versions.min..=versions.max).map(|version| (*api, version))
    })
}

/// The APIs that have structs of ours, which drop tagged fields that they do not know.
const OURS: [ApiKey; 4] =
    [ApiKey::DescribeLogDirs, ApiKey::OffsetCommit, ApiKey::OffsetFetch, ApiKey::WriteTxnMarkers];

/// A random body, with tagged fields that nobody knows where they are kept.
fn random(api: ApiKey, version: i16, fields: &[schema::Field], seed: u64) -> Bytes {
    let body = RandomBody::new(version, api.is_flexible(version), seed);
    let is_ours = OURS.contains(&api);
    let body = if is_ours { body } else { body.with_unknown_tags() };
    Bytes::from(body.write(fields))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn requests_of_all_versions_round_trip(seed: u64) {
        for (api, version) in all() {
            let body = random(api, version, schema::request(api).unwrap(), seed);
            let request = decode_request(api, version, body.clone());
            let request = request.unwrap_or_else(|error| panic!("{error} in {body:x?}"));
            prop_assert_eq!(request.api(), api);
            let mut encoded = BytesMut::new();
            request.encode(version, &mut encoded).unwrap();
            prop_assert_eq!(encoded, body, "{} {}", api, version);
        }
    }

    #[test]
    fn responses_of_all_versions_round_trip(seed: u64) {
        for (api, version) in all() {
            let body = random(api, version, schema::response(api).unwrap(), seed);
            let response = decode_response(api, version, body.clone());
            let response = response.unwrap_or_else(|error| panic!("{error} in {body:x?}"));
            prop_assert_eq!(response.api(), api);
            let mut encoded = BytesMut::new();
            response.encode(version, &mut encoded).unwrap();
            prop_assert_eq!(encoded, body, "{} {}", api, version);
        }
    }

    /// What the walk passes is refused by the decoder only for what the walk does not look at. So both see the same
    /// structure in the same bytes, and there are as many elements as the decoder makes room for.
    #[test]
    fn damaged_body_is_refused_by_the_walk_already(
        seed: u64,
        place: prop::sample::Index,
        byte: u8,
    ) {
        for (api, version) in all() {
            let body = random(api, version, schema::request(api).unwrap(), seed);
            let mut body = body.to_vec();
            if body.is_empty() {
                continue;
            }
            *place.get_mut(&mut body[..]) = byte;
            if let Err(DecodeError::Refused { reason, .. }) =
                decode_request(api, version, body.into())
            {
                let reason = reason.to_lowercase();
                let is_expected = reason.contains("utf-8") || reason.starts_with("tag ");
                prop_assert!(is_expected, "{} {}: {}", api, version, reason);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let bytes = Bytes::from(bytes);
        for (api, version) in all() {
            let _ = decode_request(api, version, bytes.clone());
            let _ = decode_response(api, version, bytes.clone());
        }
    }
}

/// The requests with which `kafka-protocol` alone brings the process down.
#[test]
fn attack_with_a_huge_array_is_refused_before_anything_is_allocated() {
    let rows: [(ApiKey, i16, &[u8]); 4] = [
        // No transactional id, acks 1, a timeout; then 2^31 - 1 topics.
        (ApiKey::Produce, 3, b"\xff\xff\x00\x01\x00\x00\x00\x00\x7f\xff\xff\xff"),
        (ApiKey::Produce, 9, b"\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff\x0f"),
        (ApiKey::Fetch, 4, &[0x7f; 21]),
        (ApiKey::Metadata, 1, b"\x7f\xff\xff\xff"),
    ];
    for (api, version, body) in rows {
        let error = decode_request(api, version, Bytes::from_static(body)).unwrap_err();
        let is_length =
            matches!(error, DecodeError::Malformed { error: WireError::Truncated { .. }, .. });
        assert!(is_length, "{error}");
    }
}

#[test]
fn error_names_api_version_and_field() {
    let body = Bytes::from_static(b"\x00\x01a\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x09");
    let error = decode_request(ApiKey::OffsetFetch, 1, body).unwrap_err();
    let text = "OffsetFetch version 1 is malformed at 'topics.partition_indexes': \
                9 bytes are needed and 0 are left";
    assert_eq!(error.to_string(), text);
}

#[test]
fn version_that_is_not_spoken_is_refused() {
    for (api, version) in [
        (ApiKey::Produce, 2),
        (ApiKey::Produce, 14),
        (ApiKey::InitProducerId, 6),
        (ApiKey::StreamsGroupHeartbeat, 0),
        (ApiKey::ApiVersions, -1),
    ] {
        let error = decode_request(api, version, Bytes::new()).unwrap_err();
        assert_eq!(error, DecodeError::UnsupportedVersion { api, version });
    }
}

#[test]
fn records_of_a_request_are_not_copied() {
    let fields = schema::request(ApiKey::Produce).unwrap();
    for seed in 0.. {
        let body = random(ApiKey::Produce, 13, fields, seed);
        let request = decode_request(ApiKey::Produce, 13, body.clone()).unwrap();
        let Request::Produce(produce) = request else { panic!("not a produce request") };
        let mut partitions = produce.topic_data.iter().flat_map(|topic| &topic.partition_data);
        let records = partitions.find_map(|partition| partition.records.clone());
        if let Some(records) = records.filter(|records| !records.is_empty()) {
            assert!(body.as_ptr_range().contains(&records.as_ptr()));
            return;
        }
    }
}

#[test]
fn field_that_a_version_lacks_is_refused_by_the_encoder() {
    let response = FindCoordinatorResponse::default().with_coordinators(vec![Default::default()]);
    let error = Response::from(response).encode(0, &mut BytesMut::new()).unwrap_err();
    assert_eq!((error.api, error.version), (ApiKey::FindCoordinator, 0));
}

#[test]
fn request_of_librdkafka_with_bytes_to_spare_is_decoded() {
    // The body of librdkafka 2.16's Metadata 13 for all topics: three bytes follow its last field.
    let body = Bytes::from_static(&[0, 0, 0, 0, 1, 0, 0]);
    let Ok(Request::Metadata(request)) = decode_request(ApiKey::Metadata, 13, body) else {
        panic!("Kafka takes it for a request of all topics");
    };
    assert_eq!(request.topics, None);
}
