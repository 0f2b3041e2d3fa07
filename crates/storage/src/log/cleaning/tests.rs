//! The swap, beside readers, appends, truncations and retention, and on a disk that fails.

use std::io::ErrorKind;
use std::ops::ControlFlow;

use protocol::record::BatchOptions;

use super::*;
use crate::compaction::{Cleaned, OffsetMap, Pace, clean};
use crate::error::Error;
use crate::log::ReadRequest;
use crate::testing::batches::{NOW, Stored, keyed, later, plain, records_in};
use crate::testing::disk::Step;
use crate::testing::logs::TestLog;

/// Does something in the middle of a cleaning, after so many of its steps.
struct Meanwhile<F>(usize, Option<F>);

impl<F: FnOnce() -> ControlFlow<()>> Pace for Meanwhile<F> {
    fn spend(&mut self, _: usize) -> ControlFlow<()> {
        let Some(steps) = self.0.checked_sub(1) else {
            return self.1.take().map_or(ControlFlow::Continue(()), |action| action());
        };
        self.0 = steps;
        ControlFlow::Continue(())
    }
}

/// Ten closed segments of four records of two keys, and an active one: offsets 0 to 40.
fn filled() -> TestLog {
    filled_with(40)
}

fn filled_with(records: usize) -> TestLog {
    let test = TestLog::with(|config| {
        config.cleanup_policy.compact = true;
        config.segment_bytes = 4 * 75;
        (config.retention_ms, config.retention_bytes) = (None, None);
        config.index_interval_bytes = 0;
    });
    for number in 0..records {
        let key = if number % 2 == 0 { "even" } else { "odd" };
        test.append(&keyed(BatchOptions::default(), NOW, &[(key, Some(&format!("{number}")))]));
    }
    test.append(&keyed(BatchOptions::default(), NOW, &[("end", Some("x"))]));
    test.replicate();
    assert_eq!(test.log.segment_count(), records / 4 + 1);
    test
}

fn clean_while(
    test: &TestLog,
    steps: usize,
    action: impl FnOnce() -> ControlFlow<()>,
) -> Result<Option<Cleaned>> {
    let plan = test.log.plan_cleaning(Offset::NONE, NOW).unwrap();
    let mut map = OffsetMap::new(1 << 20, 0.9);
    clean(&test.log, &plan, &mut map, &mut Meanwhile(steps, Some(action)), 7, NOW)
}

fn clean_now(test: &TestLog) -> Result<Option<Cleaned>> {
    clean_while(test, 0, || ControlFlow::Continue(()))
}

fn stored(offset: i64, key: &str, value: &str) -> Stored {
    (offset, Some(key.to_string()), Some(value.to_string()))
}

/// What is left of [`filled`] when it is clean.
fn clean_records() -> [Stored; 3] {
    [stored(38, "even", "38"), stored(39, "odd", "39"), stored(40, "end", "x")]
}

/// The last value of each key, which no cleaning may change.
fn last_values(records: &[Stored]) -> Vec<Stored> {
    let mut last: Vec<Stored> = Vec::new();
    for record in records {
        last.retain(|(_, key, _)| *key != record.1);
        last.push(record.clone());
    }
    last
}

#[test]
fn readers_keep_what_they_hold_through_a_swap() {
    let test = filled();
    let before = test.bytes();
    let request = |offset| ReadRequest {
        offset: Offset(offset),
        max_bytes: u32::MAX,
        bound: Offset::MAX,
        at_least_one: true,
        may_block: true,
    };
    let slices: Vec<_> =
        (0..10).map(|idx| test.log.read(&request(idx * 4)).unwrap().records.unwrap()).collect();
    let snapshot = test.log.segments.load_full();
    clean_now(&test).unwrap().unwrap();
    test.chores(later(60_000));
    let held: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(held, before[..held.len()]);
    assert_eq!(test.records(), clean_records());
    // One who comes late with a list of segments that are gone gets an error, and no file is made in their place.
    assert!(snapshot.iter().take(3).all(|segment| segment.log().open().is_err()));
    assert_eq!(test.files(".deleted"), Vec::<String>::new());
}

#[test]
fn appends_roll_while_a_cleaning_goes_on() {
    let test = filled();
    let cleaned = clean_while(&test, 12, || {
        for _ in 0..20 {
            test.append(&keyed(BatchOptions::default(), NOW, &[("even", Some("late"))]));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(cleaned.unwrap().unwrap().end_offset, Offset(40));
    let records = test.records();
    assert_eq!(records[..3], clean_records());
    assert_eq!(
        records[3..].iter().map(|record| record.0).collect::<Vec<_>>(),
        (41..61).collect::<Vec<_>>()
    );
    assert_eq!(test.log.log_end_offset(), Offset(61));
}

#[test]
fn cleaning_gives_up_when_the_log_changes_under_it() {
    type Change = fn(&TestLog);
    let changes: [(&str, Change); 4] = [
        ("truncation", |test| assert!(test.log.truncate_to(Offset(30), NOW).unwrap())),
        ("a new start", |test| test.log.truncate_fully(Offset(0), NOW).unwrap()),
        ("retention", |test| {
            test.log.delete_records_before(Offset(20)).unwrap();
            assert_eq!(test.log.enforce_retention(NOW).unwrap(), 5);
        }),
        ("closing", |test| test.log.close().unwrap()),
    ];
    // While it reads the keys, and while it copies the first and the last of the segments.
    for (name, change) in changes {
        for steps in [0, 9, 10, 17] {
            let test = filled();
            let mut after = Vec::new();
            let cleaned = clean_while(&test, steps, || {
                change(&test);
                after = test.records();
                ControlFlow::Continue(())
            });
            // What retention takes is no harm to segments behind it.
            if name != "retention" {
                assert_eq!(cleaned.unwrap(), None, "{name} after {steps} steps");
            }
            let found = last_values(&test.records());
            assert_eq!(found, last_values(&after), "{name} after {steps} steps");
            assert_eq!(test.files(".cleaned"), Vec::<String>::new(), "{name} after {steps} steps");
        }
    }
}

#[test]
fn plan_from_before_a_truncation_is_not_carried_out() {
    let test = filled();
    let plan = test.log.plan_cleaning(Offset::NONE, NOW).unwrap();
    test.log.truncate_to(Offset(20), NOW).unwrap();
    // As much again, of which nothing is replicated.
    for _ in 0..21 {
        test.append(&keyed(BatchOptions::default(), NOW, &[("even", Some("new"))]));
    }
    let mut map = OffsetMap::new(1 << 20, 0.9);
    let action = || ControlFlow::Continue(());
    let cleaned = clean(&test.log, &plan, &mut map, &mut Meanwhile(0, Some(action)), 7, NOW);
    assert_eq!((cleaned.unwrap(), test.offsets().len()), (None, 41));
}

#[test]
fn cleaning_gives_up_when_it_is_told_to() {
    let test = filled();
    assert_eq!(clean_while(&test, 3, || ControlFlow::Break(())).unwrap(), None);
    assert_eq!((test.offsets().len(), test.files(".cleaned").len()), (41, 0));
}

#[test]
fn damaged_batch_is_not_cleaned_over() {
    let mut test = filled();
    test.log.close().unwrap();
    let path = test.file("00000000000000000016.log");
    let mut bytes = std::fs::read(&path).unwrap();
    // A letter of a key.
    bytes[68] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut options = test.checkpointed();
    options.was_clean = true;
    test.open(options);
    let failed = clean_now(&test);
    assert!(matches!(&failed, Err(Error::Corrupt { path: at, .. }) if *at == path), "{failed:?}");
    assert_eq!((std::fs::read(&path).unwrap(), test.log.segment_count()), (bytes, 11));
    assert_eq!((test.files(".cleaned").len(), test.dir.offline_reason()), (0, None));
    assert_eq!(test.append(&plain(1)).first_offset, Offset(41));
}

#[test]
fn cleaning_without_room_leaves_the_log_as_it_was_and_works_later() {
    for step in [Step::Write, Step::Open, Step::Rename] {
        let test = filled();
        test.log.flush().unwrap();
        let before = last_values(&test.records());
        test.disk.fail(step, ErrorKind::StorageFull);
        assert!(matches!(clean_now(&test), Err(Error::NoSpace { .. })), "{step:?}");
        assert_eq!((last_values(&test.records()), test.dir.offline_reason()), (before, None));
        assert_eq!(test.files(".cleaned").len() + test.files(".swap").len(), 0, "{step:?}");
        test.disk.heal();
        clean_now(&test).unwrap().unwrap();
        assert_eq!(test.records(), clean_records(), "{step:?}");
    }
}

#[test]
fn remains_of_an_earlier_cleaning_do_not_show() {
    let mut test = filled();
    for name in ["log", "index", "timeindex", "txnindex"] {
        let path = test.file(&format!("00000000000000000000.{name}.cleaned"));
        std::fs::write(path, vec![1; 100_000]).unwrap();
    }
    clean_now(&test).unwrap().unwrap();
    assert_eq!(test.records(), clean_records());
    test.reopen();
    assert_eq!(test.records(), clean_records());
}

#[test]
fn cleaning_that_dies_anywhere_is_finished_or_undone() {
    let expected = last_values(&filled_with(12).records());
    for steps in 0.. {
        let mut test = filled_with(12);
        test.chores(NOW);
        test.log.flush().unwrap();
        test.disk.die_after(steps);
        let is_done = clean_now(&test).is_ok();
        if !is_done {
            assert!(test.disk.is_dead());
            // Reads go on, whatever names the files have.
            assert_eq!(last_values(&test.records()), expected, "after {steps} steps");
        }
        test.kill();
        assert_eq!(last_values(&test.records()), expected, "after {steps} steps and a start");
        let offsets = test.offsets();
        assert!(offsets.is_sorted_by(|a, b| a < b), "after {steps} steps: {offsets:?}");
        let left = [".cleaned", ".swap", ".deleted"].map(|suffix| test.files(suffix).len());
        assert_eq!(left, [0; 3], "after {steps} steps");
        assert_eq!(test.append(&plain(1)).first_offset, Offset(13));
        test.reopen();
        if is_done {
            assert!(steps > 40, "{steps} steps");
            return;
        }
    }
}

#[test]
fn swapped_file_is_read_from_where_it_is() {
    // The names on the disk are between the old ones and the new: no log is opened like that, but one may be read so.
    let test = filled();
    test.log.flush().unwrap();
    let segments = test.log.segments.load_full();
    let cleaned = test.log.new_cleaned_segment(Offset(0)).unwrap();
    let view = segments[1].view().unwrap();
    let bytes = view.slice(0, view.size());
    crate::disk::write_all_at(cleaned.open().unwrap().file(), &bytes, 0).unwrap();
    cleaned.publish_size(view.size());
    let plan = test.log.plan_cleaning(Offset::NONE, NOW).unwrap();
    let snapshot = test.log.cleaning_snapshot(&plan, Offset(8)).unwrap().unwrap();
    assert_eq!(snapshot.end_offset, Offset(8));
    let cleaned = Arc::new(cleaned);
    assert!(test.log.swap_in(&snapshot, &segments[0..2], &cleaned, NOW).unwrap());
    assert_eq!(test.offsets(), (4..41).collect::<Vec<_>>());
    assert!(!test.log.swap_in(&snapshot, &segments[0..2], &cleaned, NOW).unwrap(), "they are gone");
    assert_eq!(records_in(&bytes).len(), 4);
}
