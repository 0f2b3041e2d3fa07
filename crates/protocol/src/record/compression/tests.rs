//! Round trips, bounds and damage for each codec, and the forms of it that other libraries write.

use std::io::Write;

use proptest::collection::vec;
use proptest::prelude::*;
use xxhash_rust::xxh32::xxh32;

use super::*;

const CODECS: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn compressed(codec: Compression, level: Option<i32>, payload: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    compress(codec, level, payload, &mut out);
    assert!(out.starts_with(b"before"));
    out.split_off(6)
}

fn check(codec: Compression, bytes: &[u8], expected: &[u8]) {
    let out = decompress(codec, bytes, expected.len());
    assert_eq!(&*out.unwrap_or_else(|error| panic!("{codec}: {error}")), expected);
}

fn check_damaged(codec: Compression, bytes: &[u8], expected: &str) {
    match decompress(codec, bytes, 1 << 20) {
        Err(BatchError::Compression { codec: found, reason }) => {
            assert_eq!(found, codec);
            assert!(reason.contains(expected), "{codec}: {reason:?} is not {expected:?}");
        }
        other => panic!("{codec}: {other:?}"),
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

/// Bytes that no codec makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn payloads_of_every_size_round_trip_at_every_level() {
    let sizes = [0, 1, 100, 32 << 10, (32 << 10) + 1, 64 << 10, (64 << 10) + 1, 300_000];
    for codec in CODECS {
        for size in sizes {
            for payload in [vec![7; size], noise(size)] {
                check(codec, &compressed(codec, None, &payload), &payload);
            }
        }
        let payload = [vec![3; 5000], noise(5000)].concat();
        for level in [i32::MIN, -7, -1, 0, 1, 6, 9, 22, i32::MAX] {
            check(codec, &compressed(codec, Some(level), &payload), &payload);
        }
    }
}

#[test]
fn levels_trade_size_and_none_is_the_default() {
    let payload: Vec<u8> =
        noise(20_000).iter().flat_map(|byte| format!("{byte} ").into_bytes()).collect();
    for (codec, default) in [(Compression::Gzip, 6), (Compression::Zstd, 3)] {
        let size = |level| compressed(codec, level, &payload).len();
        assert!(size(Some(9)) < size(Some(1)), "{codec}");
        assert_eq!(size(None), size(Some(default)), "{codec}");
    }
}

#[test]
fn bomb_is_stopped_at_the_limit() {
    let payload = vec![0; 16 << 20];
    for codec in CODECS {
        let bomb = compressed(codec, None, &payload);
        assert!(bomb.len() < 1 << 20, "{codec}");
        for limit in [0, 1, 1000, 1 << 20, payload.len() - 1] {
            let error = decompress(codec, &bomb, limit).unwrap_err();
            assert_eq!(error, BatchError::TooLarge { limit }, "{codec} {limit}");
        }
        check(codec, &bomb, &payload);
    }
}

#[test]
fn payload_cut_off_is_an_error() {
    for codec in CODECS {
        // One chunk of snappy's framing, which has no end mark: between two of them a cut cannot be
        // seen.
        let bytes = compressed(codec, None, &[vec![5; 3000], noise(500)].concat());
        for length in 0..bytes.len() {
            let is_whole = codec == Compression::Snappy && length == 16;
            assert_eq!(
                decompress(codec, &bytes[..length], 1 << 20).is_ok(),
                is_whole,
                "{codec} {length}"
            );
        }
    }
}

#[test]
fn payload_with_something_behind_it_is_an_error() {
    for codec in CODECS {
        let bytes = compressed(codec, None, b"payload");
        assert!(decompress(codec, &[&bytes[..], &[1, 2, 3, 4, 5]].concat(), 1 << 20).is_err());
    }
}

#[test]
fn memory_stays_with_the_thread_and_shows_nothing_old() {
    for codec in CODECS {
        let long = compressed(codec, None, &[0xaa; 5000]);
        let short = compressed(codec, None, &[0xbb; 10]);
        drop(decompress(codec, &long, 1 << 20).unwrap());
        let out = decompress(codec, &short, 1 << 20).unwrap();
        assert_eq!(&*out, [0xbb; 10]);
        // A second buffer at the same time has memory of its own.
        check(codec, &long, &[0xaa; 5000]);
        assert_eq!(&*out, [0xbb; 10]);
    }
}

#[test]
fn gzip_of_several_members_is_read_through() {
    let members = [
        compressed(Compression::Gzip, None, b"one, "),
        compressed(Compression::Gzip, None, b"two"),
    ];
    check(Compression::Gzip, &members.concat(), b"one, two");
}

#[test]
fn snappy_is_read_bare_and_in_chunks() {
    let bare = snap::raw::Encoder::new().compress_vec(b"bare block").unwrap();
    check(Compression::Snappy, &bare, b"bare block");

    let header = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
    let chunk = [&length(&bare).to_be_bytes()[..], &bare].concat();
    check(Compression::Snappy, header, b"");
    check(Compression::Snappy, &[header, &chunk[..], &chunk].concat(), b"bare blockbare block");
    // Two streams, one behind the other.
    let twice = [header, &chunk[..], header, &chunk].concat();
    check(Compression::Snappy, &twice, b"bare blockbare block");
    // The first version number does not matter, the second says who can read it.
    check(
        Compression::Snappy,
        &[b"\x82SNAPPY\0\0\0\0\x02\0\0\0\x01", &chunk[..]].concat(),
        b"bare block",
    );
    check_damaged(Compression::Snappy, b"\x82SNAPPY\0\0\0\0\x02\0\0\0\x02", "later version");
    check_damaged(Compression::Snappy, &[header, &[0xff; 4][..]].concat(), "negative");
    check_damaged(Compression::Snappy, &[header, &[0x7f; 4][..]].concat(), "cut off");
}

#[test]
fn snappy_block_is_not_believed_when_it_declares_too_much() {
    check_damaged(
        Compression::Snappy,
        b"\xff\xff\xff\xff\x0f\0\0",
        "declares more than it can hold",
    );
}

/// An LZ4 frame with the given flags, block size and blocks, all stored as they are.
fn lz4_frame(flags: u8, content: &[&[u8]]) -> Vec<u8> {
    let size: usize = content.iter().map(|block| block.len()).sum();
    let mut descriptor = vec![0x60 | flags, 0x40];
    if flags & 0x08 != 0 {
        descriptor.extend((size as u64).to_le_bytes());
    }
    let mut frame = 0x184d_2204_u32.to_le_bytes().to_vec();
    frame.extend(&descriptor);
    frame.push(xxh32(&descriptor, 0).to_le_bytes()[1]);
    for block in content {
        frame.extend((length(block) | 0x8000_0000).to_le_bytes());
        frame.extend(*block);
        if flags & 0x10 != 0 {
            frame.extend(xxh32(block, 0).to_le_bytes());
        }
    }
    frame.extend([0; 4]);
    if flags & 0x04 != 0 {
        frame.extend(xxh32(&content.concat(), 0).to_le_bytes());
    }
    frame
}

#[test]
fn lz4_frames_with_any_choice_of_checksums_are_read() {
    for flags in [0x00, 0x04, 0x08, 0x10, 0x1c] {
        check(Compression::Lz4, &lz4_frame(flags, &[b"one, ", b"two"]), b"one, two");
        check(Compression::Lz4, &lz4_frame(flags, &[]), b"");
        check(Compression::Lz4, &lz4_frame(flags, &[&[9; 64 << 10]]), &[9; 64 << 10]);
    }
}

#[test]
fn lz4_frames_that_contradict_themselves_are_refused() {
    let changed = |flags: u8, at: usize| {
        let mut frame = lz4_frame(flags, &[b"content"]);
        let at = at.min(frame.len() - 1);
        frame[at] ^= 1;
        frame
    };
    check_damaged(Compression::Lz4, &changed(0x00, 0), "no lz4 frame");
    check_damaged(Compression::Lz4, &changed(0x00, 6), "header fails");
    check_damaged(Compression::Lz4, &changed(0x10, 12), "block fails");
    check_damaged(Compression::Lz4, &changed(0x04, usize::MAX), "content fails");
    check_damaged(Compression::Lz4, &lz4_frame(0x00, &[&[0; (64 << 10) + 1]]), "larger");
    let mut declared = lz4_frame(0x08, &[b"content"]);
    declared[6] += 1;
    declared[14] = xxh32(&declared[4..14], 0).to_le_bytes()[1];
    check_damaged(Compression::Lz4, &declared, "declared size");
    // Linked blocks (as flag 0x20 is not set), a dictionary, a reserved bit, another version.
    for (flags, block_size) in
        [(0x40, 0x40), (0x61, 0x40), (0x62, 0x40), (0xe0, 0x40), (0x20, 0x40)]
    {
        let frame = [4, 0x22, 0x4d, 0x18, flags, block_size];
        check_damaged(Compression::Lz4, &frame, "does not read");
    }
    for block_size in [0x00, 0x30, 0x41, 0xc0] {
        check_damaged(Compression::Lz4, &[4, 0x22, 0x4d, 0x18, 0x60, block_size], "block size");
    }
}

#[test]
fn lz4_block_that_fills_its_frame_is_read() {
    // One block of 4 MiB, which the first guess at its size falls short of.
    let payload = vec![6; 4 << 20];
    let mut info = lz4_flex::frame::FrameInfo::new();
    info.block_size = lz4_flex::frame::BlockSize::Max4MB;
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(&payload).unwrap();
    let frame = encoder.finish().unwrap();
    check(Compression::Lz4, &frame, &payload);
    let limit = payload.len() - 1;
    let error = decompress(Compression::Lz4, &frame, limit).unwrap_err();
    assert_eq!(error, BatchError::TooLarge { limit });
}

#[test]
fn lz4_flex_reads_what_we_write() {
    for payload in [vec![1; 200_000], noise(200_000), Vec::new()] {
        let bytes = compressed(Compression::Lz4, None, &payload);
        let mut read = Vec::new();
        let mut decoder = lz4_flex::frame::FrameDecoder::new(&bytes[..]);
        std::io::Read::read_to_end(&mut decoder, &mut read).unwrap();
        assert_eq!(read, payload);
    }
}

#[test]
fn zstd_frames_of_unknown_size_and_in_a_row_are_read() {
    let payload = vec![4; 1 << 20];
    let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&payload).unwrap();
    let frame = encoder.finish().unwrap();
    assert_eq!(::zstd::zstd_safe::get_frame_content_size(&frame).unwrap(), None);
    check(Compression::Zstd, &frame, &payload);

    let second = compressed(Compression::Zstd, None, b"second");
    check(Compression::Zstd, &[&frame[..], &second].concat(), &[&payload[..], b"second"].concat());
    // A frame to be skipped, which a decoder passes over.
    let skipped =
        [&0x184d_2a50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc", &second].concat();
    check(Compression::Zstd, &skipped, b"second");
}

#[test]
fn zstd_declared_size_is_not_believed() {
    // A frame that declares 2^60 bytes, and holds one block of none.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    frame.extend((1_u64 << 60).to_le_bytes());
    frame.extend([1, 0, 0]);
    check_damaged(Compression::Zstd, &frame, "");
}

proptest! {
    #[test]
    fn decompress_any_bytes_is_an_error_or_within_the_limit(
        bytes in vec(any::<u8>(), 0..300),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        limit in 0..5000_usize,
    ) {
        for codec in CODECS {
            let mut good = compressed(codec, None, &bytes);
            for (at, byte) in &damage {
                let at = at.index(good.len());
                good[at] = *byte;
            }
            for input in [&bytes, &good] {
                if let Ok(out) = decompress(codec, input, limit) {
                    prop_assert!(out.len() <= limit);
                }
            }
        }
    }
}
