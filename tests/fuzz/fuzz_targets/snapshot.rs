//! The producer snapshot: any bytes are read or refused, and what is read is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use storage::producer::snapshot::{decode, encode};

fn check(bytes: &[u8]) {
    let Ok(entries) = decode(bytes) else { return };
    let encoded = encode(&entries);
    assert_eq!(decode(&encoded).expect("we wrote it"), entries);
    assert_eq!(encoded.len(), bytes.len());
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // With the head that the rest deserves, or nothing behind the checksum would be tried.
    let mut sealed = vec![0, 1];
    sealed.extend_from_slice(&crc32c::crc32c(bytes).to_be_bytes());
    sealed.extend_from_slice(bytes);
    check(&sealed);
});
