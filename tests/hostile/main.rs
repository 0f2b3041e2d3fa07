//! Hostile bytes against the real binary: whatever is sent, the broker lives, stays within its memory, and serves others.
//!
//! Each test has a broker of its own, attacks it while a client that behaves asks it again and again, and then looks at
//! that client's worst wait and at the broker's memory. `OTTLA_HOSTILE=60` attacks for about so many seconds by random
//! frames, instead of a few; the seed is printed, and `OTTLA_SEED` sets it.

mod attack;
mod client;
mod frames;
mod scene;

use std::time::{Duration, Instant};

use protocol::api::ApiKey;
use testkit::{Rng, say};

use crate::scene::{MIB, Scene};

#[test]
fn counts_and_lengths_without_bytes_behind_them_allocate_nothing() {
    let scene = Scene::start(&[]);
    // The two attacks that abort a process which believes kafka-protocol's decoder: an array of 2^31 - 1 elements in a
    // Produce request of 12 bytes, and as many records in a batch of 61.
    attack::send(scene.address(), &frames::produce_of_a_huge_array());
    attack::send(scene.address(), &frames::produce_of_a_huge_batch(scene.topic()));
    for api in ApiKey::ALL {
        let versions = api.versions();
        for version in versions.min..=versions.max {
            for filling in frames::HUGE_COUNTS {
                attack::send(scene.address(), &frames::request(*api, version, &filling.repeat(40)));
            }
        }
    }
    scene.end("huge counts", 100 * MIB);
}

#[test]
fn random_and_cut_off_frames_are_survived() {
    let seed = number("OTTLA_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    say(format!("OTTLA_SEED={seed}"));
    let mut rng = Rng::new(seed);
    let scene = Scene::start(&[]);
    let end = Instant::now() + Duration::from_secs(number("OTTLA_HOSTILE").unwrap_or(5));
    let mut count = 0;
    while Instant::now() < end {
        attack::send(scene.address(), &frames::random(&mut rng, scene.topic()));
        count += 1;
    }
    say(format!("{count} frames"));
    // Topics may have been created, and records written, by what happened to be right.
    scene.end("random frames", 300 * MIB);
}

#[test]
fn large_frames_that_do_not_end_stay_within_the_budget() {
    // Of 64 MiB, large frames have 56: these would be 20 times 60.
    let settings = ["queued.max.request.bytes=67108864", "socket.request.max.bytes=62914560"];
    let scene = Scene::start(&settings);
    let before = scene.memory();
    let held: Vec<_> =
        (0..20).map(|_| attack::unfinished_frame(scene.address(), 60 * MIB, 59 * MIB)).collect();
    scene.settle();
    let grown = scene.memory().saturating_sub(before);
    say(format!("20 frames of 60 MiB: {} MiB more", grown / MIB));
    drop(held);
    // The budget, one frame that goes on without it, and the broker itself are 135 MiB; without a budget it would be 1.2 GB.
    scene.end("unfinished frames", 200 * MIB);
}

#[test]
fn what_is_asked_again_and_again_costs_no_more_than_once() {
    for (attack, frame) in [
        // All settings of a broker with their documentation are 85 KB: these would be 250 MB.
        ("settings of a broker", frames::settings_of_the_broker(3_000)),
        ("loggers of a broker", frames::loggers_of_the_broker(100_000)),
        // A name of 30 KB, were it in each error, would be 3 GB.
        ("producers of a long name", frames::producers_of_a_long_name(100_000)),
        // And in each record.
        ("commits of a long group", frames::commits_of_a_long_group(100_000)),
    ] {
        let scene = Scene::start(&[]);
        attack::send_and_wait(scene.address(), &frames::find_coordinator());
        attack::send_and_wait(scene.address(), &frame);
        scene.end(attack, 150 * MIB);
    }
}

#[test]
fn announced_and_slow_frames_cost_nothing() {
    let scene = Scene::start(&[]);
    let announced: Vec<_> =
        (0..500).map(|_| attack::unfinished_frame(scene.address(), 90 * MIB, 1000)).collect();
    let slow = attack::slow_senders(scene.address(), 300, Duration::from_secs(2));
    drop((announced, slow));
    scene.end("announced and slow frames", 100 * MIB);
}

#[test]
fn one_frame_of_very_many_small_things_is_bounded() {
    let scene = Scene::start(&[]);
    for bytes in [1, 10, 60] {
        attack::send_and_wait(scene.address(), &frames::metadata_of_empty_names(bytes * MIB));
        attack::send_and_wait(
            scene.address(),
            &frames::fetch_of_one_partition_again_and_again(bytes * MIB),
        );
    }
    scene.end("frames of very many small things", 900 * MIB);
}

#[test]
fn ten_thousand_connections_are_held() {
    let scene = Scene::start(&[]);
    let before = scene.memory();
    // Each is a file here and one there.
    let count = scene::open_files_max().saturating_sub(600).min(10_000);
    let held: Vec<_> = (0..count).map(|_| client::connect(scene.address())).collect();
    for connection in held.iter().step_by(50) {
        client::ask(connection, &frames::api_versions());
    }
    scene.settle();
    let each = scene.memory().saturating_sub(before) / count;
    say(format!("{count} connections: {each} bytes each"));
    assert!(each < 24 << 10, "a connection takes {each} bytes");
    drop(held);
    scene.end("connections", 400 * MIB);
}

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|err| panic!("{name}: {err}")))
}
