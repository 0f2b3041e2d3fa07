//! `.kafka_cleanshutdown`: the marker that a log directory was closed in order.
//!
//! While it is there, no log needs recovery. It is written last on the way down and removed first on the way up, and
//! holds the broker epoch of the process that wrote it (KIP-966): `{"version":0,"brokerEpoch":42}`.

/// The file's name.
pub const FILE_NAME: &str = ".kafka_cleanshutdown";

/// The content of the marker.
pub fn encode(broker_epoch: i64) -> Vec<u8> {
    format!(r#"{{"version":0,"brokerEpoch":{broker_epoch}}}"#).into_bytes()
}

/// The broker epoch in the marker. `None` is no damage: the marker holds without it, and older Kafkas left it empty.
pub fn decode(bytes: &[u8]) -> Option<i64> {
    let (_, rest) = std::str::from_utf8(bytes).ok()?.split_once(r#""brokerEpoch""#)?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = value.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marker_as_kafka_writes_it_is_read_and_written() {
        assert_eq!(String::from_utf8(encode(42)).unwrap(), r#"{"version":0,"brokerEpoch":42}"#);
        for (text, epoch) in [
            (r#"{"version":0,"brokerEpoch":42}"#, Some(42)),
            ("{\n  \"brokerEpoch\" : -1,\n  \"later\": {}\n}", Some(-1)),
            (r#"{"version":0,"brokerEpoch":null}"#, None),
            (r#"{"version":0}"#, None),
            ("", None),
        ] {
            assert_eq!(decode(text.as_bytes()), epoch, "{text}");
        }
    }

    proptest! {
        #[test]
        fn broker_epoch_survives_a_round_trip(epoch: i64) {
            prop_assert_eq!(decode(&encode(epoch)), Some(epoch));
        }

        #[test]
        fn decode_survives_any_bytes(bytes: Vec<u8>, text in r#"[{]"brokerEpoch"[ :0-9a-z-]{0,30}"#) {
            let _ = decode(&bytes);
            let _ = decode(text.as_bytes());
        }
    }
}
