//! Variable-length integers: any bytes are read or refused, and what is read is written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::varint::{
    VarintError, put_unsigned_varint, put_unsigned_varlong, put_varint, put_varlong,
    take_unsigned_varint, take_unsigned_varlong, take_varint, take_varlong,
};

type Take<T> = fn(&mut &[u8]) -> Result<T, VarintError>;

fn check<T: PartialEq + Copy + std::fmt::Debug>(
    bytes: &[u8],
    bytes_max: usize,
    take: Take<T>,
    put: fn(&mut Vec<u8>, T),
) {
    let mut rest = bytes;
    let Ok(value) = take(&mut rest) else {
        assert_eq!(rest, bytes, "an error takes nothing");
        return;
    };
    let taken = bytes.len() - rest.len();
    assert!((1..=bytes_max).contains(&taken));
    let mut written = Vec::new();
    put(&mut written, value);
    assert!(written.len() <= taken, "the shortest form is written");
    assert_eq!(take(&mut &written[..]), Ok(value));
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes, 5, take_varint, put_varint);
    check(bytes, 10, take_varlong, put_varlong);
    check(bytes, 5, take_unsigned_varint, put_unsigned_varint);
    check(bytes, 10, take_unsigned_varlong, put_unsigned_varlong);
});
