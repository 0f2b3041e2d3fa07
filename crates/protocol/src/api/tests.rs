//! The table against another implementation's, but for the differences that are named here.

use super::*;
use kafka_protocol::messages::ApiKey as Other;

#[test]
fn keys_round_trip_and_ascend() {
    for pair in ApiKey::ALL.windows(2) {
        assert!(pair[0].key() < pair[1].key(), "{} {}", pair[0], pair[1]);
    }
    for api in ApiKey::ALL {
        assert_eq!(ApiKey::from_key(api.key()), Some(*api));
    }
    for key in [-1, 4, 5, 6, 7, 93, i16::MAX] {
        assert_eq!(ApiKey::from_key(key), None);
    }
    assert_eq!(ApiKey::ALL.len(), 89);
}

/// The table against that of another implementation, but for what either lacks.
#[test]
fn versions_are_those_of_kafka_protocol_but_for_known_differences() {
    let mut different = Vec::new();
    for api in ApiKey::ALL {
        let ours = api.versions();
        match Other::try_from(api.key()) {
            Ok(other) => {
                let theirs = other.valid_versions();
                if (ours.min, ours.max) != (theirs.min, theirs.max) {
                    different.push((*api, ours.max, theirs.max));
                }
            }
            Err(()) => assert!(ours.is_empty(), "{api}"),
        }
    }
    let expected = [
        (ApiKey::ListOffsets, 11, 10),
        (ApiKey::InitProducerId, 5, 6),
        (ApiKey::WriteTxnMarkers, 2, 1),
        (ApiKey::DescribeLogDirs, 5, 4),
    ];
    assert_eq!(different, expected);
}

#[test]
fn header_versions_are_those_of_kafka_protocol() {
    for api in ApiKey::ALL {
        let Ok(other) = Other::try_from(api.key()) else { continue };
        let versions = other.valid_versions();
        for version in versions.min..=versions.max {
            let ours = (api.request_header_version(version), api.response_header_version(version));
            let theirs =
                (other.request_header_version(version), other.response_header_version(version));
            assert_eq!(ours, theirs, "{api} {version}");
        }
    }
    assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
    assert_eq!(ApiKey::ApiVersions.request_header_version(99), 2);
}

#[test]
fn produce_is_advertised_from_0_and_spoken_from_3() {
    assert_eq!(ApiKey::Produce.advertised_versions(), Versions { min: 0, max: 13 });
    assert!(!ApiKey::Produce.versions().contains(2));
    assert_eq!(ApiKey::Fetch.advertised_versions(), ApiKey::Fetch.versions());
}
