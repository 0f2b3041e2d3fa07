//! The small files beside the logs and all names: any bytes are read or refused, and what is read survives being written.

#![no_main]

use fuzz::Input;
use libfuzzer_sys::fuzz_target;
use storage::files::leader_epochs::LeaderEpochs;
use storage::files::meta_properties::MetaProperties;
use storage::files::names::{FileName, parse_dir};
use storage::files::{checkpoint, clean_shutdown, partition_metadata};

fn check_names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(name) = FileName::parse(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Some((partition, _)) = parse_dir(text) {
        assert!(text.starts_with(&partition.to_string()));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let format = input.byte();
    let bytes = input.0;
    match format % 6 {
        0 => {
            let Ok(offsets) = checkpoint::decode(bytes) else { return };
            let encoded = checkpoint::encode(offsets.iter().map(|(key, offset)| (key, *offset)));
            assert_eq!(checkpoint::decode(&encoded), Ok(offsets));
        }
        1 => {
            let Ok(epochs) = LeaderEpochs::decode(bytes) else { return };
            assert_eq!(LeaderEpochs::decode(&epochs.encode()), Ok(epochs));
        }
        2 => {
            let Ok(topic_id) = partition_metadata::decode(bytes) else { return };
            let encoded = partition_metadata::encode(topic_id);
            assert_eq!(partition_metadata::decode(&encoded), Ok(topic_id));
        }
        3 => {
            let Ok(properties) = MetaProperties::decode(bytes) else { return };
            assert_eq!(MetaProperties::decode(&properties.encode()), Ok(properties));
        }
        4 => {
            let Some(epoch) = clean_shutdown::decode(bytes) else { return };
            assert_eq!(clean_shutdown::decode(&clean_shutdown::encode(epoch)), Some(epoch));
        }
        _ => check_names(bytes),
    }
});
