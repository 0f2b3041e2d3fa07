//! Decompression of any bytes stays within its limit, and what we compress comes back.

#![no_main]

use fuzz::Input;
use libfuzzer_sys::fuzz_target;
use protocol::record::Compression;
use protocol::record::compression::{compress, decompress};

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let choice = input.byte();
    let codec = CODECS[usize::from(choice & 15) % CODECS.len()];
    let limit = usize::from(input.byte()) << (choice >> 4);
    if let Ok(decompressed) = decompress(codec, input.0, limit) {
        assert!(decompressed.len() <= limit, "{} bytes of {limit}", decompressed.len());
    }
    let mut compressed = Vec::new();
    compress(codec, None, input.0, &mut compressed);
    let back = decompress(codec, &compressed, input.0.len()).expect("we wrote it");
    assert_eq!(&back[..], input.0);
});
