//! Variable-length integers: seven bits a byte, the low ones first, the top bit set on all bytes
//! but the last.
//!
//! The signed forms are zigzag-encoded. Kafka's limits hold (`ByteUtils`): no more than 5 bytes for
//! 32 bits and 10 for 64; within them a longer encoding than needed is read, and bits beyond the
//! number's width are dropped.

/// Why bytes are not a variable-length integer.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VarintError {
    /// The bytes end within the number.
    #[error("the number is cut off")]
    Truncated,
    /// The number goes on after the last byte that its width allows.
    #[error("the number is longer than its width allows")]
    Overlong,
}

/// Takes a zigzag-encoded number of 32 bits off the front of `input`.
#[inline]
pub fn take_varint(input: &mut &[u8]) -> Result<i32, VarintError> {
    let raw = take_unsigned_varint(input)?;
    Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

/// Takes a zigzag-encoded number of 64 bits off the front of `input`.
#[inline]
pub fn take_varlong(input: &mut &[u8]) -> Result<i64, VarintError> {
    let raw = take_unsigned_varlong(input)?;
    Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

/// Takes an unsigned number of 32 bits off the front of `input`.
#[inline]
pub fn take_unsigned_varint(input: &mut &[u8]) -> Result<u32, VarintError> {
    // Lengths, deltas and counts are nearly always below 64, and then they are one byte.
    if let Some((&byte, rest)) = input.split_first()
        && byte < 0x80
    {
        *input = rest;
        return Ok(u32::from(byte));
    }
    let mut value = 0;
    let mut rest = *input;
    for shift in (0..32).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(VarintError::Truncated)?;
        rest = after;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            *input = rest;
            return Ok(value);
        }
    }
    Err(VarintError::Overlong)
}

/// Takes an unsigned number of 64 bits off the front of `input`.
#[inline]
pub fn take_unsigned_varlong(input: &mut &[u8]) -> Result<u64, VarintError> {
    if let Some((&byte, rest)) = input.split_first()
        && byte < 0x80
    {
        *input = rest;
        return Ok(u64::from(byte));
    }
    let mut value = 0;
    let mut rest = *input;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(VarintError::Truncated)?;
        rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            *input = rest;
            return Ok(value);
        }
    }
    Err(VarintError::Overlong)
}

/// Appends a zigzag-encoded number of 32 bits.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_unsigned_varint(out, zigzag(value));
}

/// Appends a zigzag-encoded number of 64 bits.
#[inline]
pub fn put_varlong(out: &mut Vec<u8>, value: i64) {
    put_unsigned_varlong(out, zigzag_long(value));
}

/// Appends an unsigned number of 32 bits, in as few bytes as it takes.
#[inline]
pub fn put_unsigned_varint(out: &mut Vec<u8>, value: u32) {
    put_unsigned_varlong(out, u64::from(value));
}

/// Appends an unsigned number of 64 bits, in as few bytes as it takes.
#[inline]
pub fn put_unsigned_varlong(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    out.push(low_bits(value));
}

/// How many bytes [`put_varint`] appends.
pub const fn varint_size(value: i32) -> usize {
    unsigned_varlong_size(zigzag(value) as u64)
}

/// How many bytes [`put_varlong`] appends.
pub const fn varlong_size(value: i64) -> usize {
    unsigned_varlong_size(zigzag_long(value))
}

/// How many bytes [`put_unsigned_varlong`], and [`put_unsigned_varint`] for the same number,
/// appends.
pub const fn unsigned_varlong_size(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

const fn zigzag(value: i32) -> u32 {
    (value << 1 ^ value >> 31).cast_unsigned()
}

const fn zigzag_long(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// The seven bits that the next byte carries.
const fn low_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes `value`, compares the bytes, and reads it back with something behind it.
    fn check(value: i32, bytes: &[u8]) {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        assert_eq!(out, bytes, "{value}");
        assert_eq!(varint_size(value), bytes.len(), "{value}");
        out.push(0xff);
        let mut input = &out[..];
        assert_eq!(take_varint(&mut input), Ok(value));
        assert_eq!(input, [0xff]);
    }

    #[test]
    fn varint_known_values_have_known_bytes() {
        check(0, &[0x00]);
        check(-1, &[0x01]);
        check(1, &[0x02]);
        check(63, &[0x7e]);
        check(-64, &[0x7f]);
        check(64, &[0x80, 0x01]);
        check(-65, &[0x81, 0x01]);
        check(8191, &[0xfe, 0x7f]);
        check(8192, &[0x80, 0x80, 0x01]);
        check(i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]);
        check(i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]);
    }

    #[test]
    fn varlong_extremes_take_ten_bytes() {
        for value in [i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            put_varlong(&mut out, value);
            assert_eq!((out.len(), varlong_size(value)), (10, 10));
            assert_eq!(take_varlong(&mut &out[..]), Ok(value));
        }
    }

    #[test]
    fn varint_damaged_is_refused_and_input_stays() {
        let rows: [(&[u8], VarintError); 4] = [
            (&[], VarintError::Truncated),
            (&[0x80], VarintError::Truncated),
            (&[0xff; 4], VarintError::Truncated),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00], VarintError::Overlong),
        ];
        for (bytes, error) in rows {
            let mut input = bytes;
            assert_eq!(take_varint(&mut input), Err(error), "{bytes:x?}");
            assert_eq!(input, bytes);
        }
        assert_eq!(take_varlong(&mut &[0xff; 10][..]), Err(VarintError::Overlong));
        assert_eq!(take_varlong(&mut &[0xff; 9][..]), Err(VarintError::Truncated));
    }

    #[test]
    fn varint_longer_than_needed_is_read_as_kafka_reads_it() {
        assert_eq!(take_unsigned_varint(&mut &[0x81, 0x00][..]), Ok(1));
        // Of the fifth byte only the low four bits fit; the others fall away.
        assert_eq!(take_unsigned_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0x7f][..]), Ok(u32::MAX));
        let mut long = [0xff; 10];
        long[9] = 0x7f;
        assert_eq!(take_unsigned_varlong(&mut &long[..]), Ok(u64::MAX));
    }

    proptest! {
        #[test]
        fn varints_any_value_round_trips(value: i32, long: i64, unsigned: u32) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_size(value));
            put_varlong(&mut out, long);
            prop_assert_eq!(out.len(), varint_size(value) + varlong_size(long));
            put_unsigned_varint(&mut out, unsigned);
            let mut input = &out[..];
            prop_assert_eq!(take_varint(&mut input), Ok(value));
            prop_assert_eq!(take_varlong(&mut input), Ok(long));
            prop_assert_eq!(take_unsigned_varint(&mut input), Ok(unsigned));
            prop_assert!(input.is_empty());
        }
    }
}
