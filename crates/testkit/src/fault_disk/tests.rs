//! The simulated disk against what a real one promises: first what must hold, then what may happen.

use std::collections::BTreeSet;

use storage::disk::{read_exact_at, read_file, replace_file, write_all_at};

use super::*;

fn path(text: &str) -> &Path {
    Path::new(text)
}

fn disk_with_dir(seed: u64) -> FaultDisk {
    let disk = FaultDisk::new(seed);
    disk.create_dir_all(path("/data")).unwrap();
    disk.sync_dir(path("/")).unwrap();
    disk
}

fn put(disk: &FaultDisk, at: &str, bytes: &[u8]) -> Arc<dyn File> {
    let file = disk.open(path(at), Open::Create).unwrap();
    write_all_at(&*file, bytes, 0).unwrap();
    file
}

fn names(disk: &FaultDisk) -> Vec<String> {
    disk.list(path("/data")).unwrap().into_iter().map(|entry| entry.name).collect()
}

/// What the file at `/data/a` can be after a crash, over many seeds.
fn outcomes(act: impl Fn(&FaultDisk)) -> BTreeSet<Option<Vec<u8>>> {
    let outcome = |seed| {
        let disk = disk_with_dir(seed);
        act(&disk);
        disk.reboot();
        read_file(&disk, path("/data/a")).ok()
    };
    (0..300).map(outcome).collect()
}

#[test]
fn file_that_was_synced_with_its_name_survives_a_crash() {
    let outcomes = outcomes(|disk| {
        put(disk, "/data/a", &[7; 2000]).sync_data().unwrap();
        disk.sync_dir(path("/data")).unwrap();
        disk.crash();
        assert!(disk.is_down());
    });
    assert_eq!(outcomes, [Some(vec![7; 2000])].into());
}

#[test]
fn file_whose_name_was_not_synced_may_be_gone_and_is_whole_if_it_is_there() {
    let outcomes = outcomes(|disk| put(disk, "/data/a", &[7; 9]).sync_data().unwrap());
    assert_eq!(outcomes, [None, Some(vec![7; 9])].into());
}

#[test]
fn unsynced_write_is_whole_torn_at_a_sector_or_lost() {
    let outcomes = outcomes(|disk| {
        let file = put(disk, "/data/a", &[1; 1600]);
        file.sync_data().unwrap();
        disk.sync_dir(path("/data")).unwrap();
        write_all_at(&*file, &[2; 1200], 100).unwrap();
    });
    let overwritten = |from: usize, to: usize| {
        let mut bytes = vec![1; 1600];
        bytes[from..to].fill(2);
        Some(bytes)
    };
    let expected = [(0, 0), (100, 512), (100, 1024), (512, 1300), (1024, 1300), (100, 1300)];
    assert_eq!(outcomes, expected.map(|(from, to)| overwritten(from, to)).into());
}

#[test]
fn unsynced_writes_survive_in_any_order_and_leave_zeros_between() {
    let outcomes = outcomes(|disk| {
        let file = put(disk, "/data/a", &[1; 2]);
        disk.sync_dir(path("/data")).unwrap();
        write_all_at(&*file, &[2; 2], 2).unwrap();
    });
    for expected in [vec![], vec![1, 1], vec![0, 0, 2, 2], vec![1, 1, 2, 2], vec![1, 1, 0, 0]] {
        assert!(outcomes.contains(&Some(expected.clone())), "{expected:?} in {outcomes:?}");
    }
}

#[test]
fn unsynced_cut_may_be_undone_by_a_crash() {
    let outcomes = outcomes(|disk| {
        let file = put(disk, "/data/a", &[1; 4]);
        file.sync_data().unwrap();
        disk.sync_dir(path("/data")).unwrap();
        file.set_len(1).unwrap();
    });
    assert_eq!(outcomes, [Some(vec![1]), Some(vec![1; 4])].into());
}

#[test]
fn unsynced_names_survive_in_order() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let disk = disk_with_dir(seed);
        put(&disk, "/data/a", b"");
        put(&disk, "/data/b", b"");
        disk.rename(path("/data/a"), path("/data/c")).unwrap();
        disk.remove_file(path("/data/b")).unwrap();
        disk.reboot();
        seen.insert(names(&disk));
    }
    let expected: [&[&str]; 4] = [&[], &["a"], &["a", "b"], &["b", "c"]];
    let expected = expected.map(|names| names.iter().map(ToString::to_string).collect());
    assert_eq!(seen, BTreeSet::from(expected).into_iter().chain([vec!["c".to_owned()]]).collect());
}

#[test]
fn renamed_file_whose_bytes_were_not_synced_may_be_empty() {
    let outcomes = outcomes(|disk| {
        put(disk, "/data/b", &[7; 3]);
        disk.rename(path("/data/b"), path("/data/a")).unwrap();
        disk.sync_dir(path("/data")).unwrap();
    });
    assert!(outcomes.contains(&Some(vec![])) && !outcomes.contains(&None), "{outcomes:?}");
}

#[test]
fn replaced_file_is_old_or_new_wherever_the_power_fails() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let disk = disk_with_dir(seed);
        replace_file(&disk, path("/data/a"), b"old").unwrap();
        disk.crash_after(seed % 6);
        let replaced = replace_file(&disk, path("/data/a"), b"new");
        assert_eq!(replaced.is_err(), disk.is_down());
        disk.reboot();
        let found = read_file(&disk, path("/data/a")).unwrap();
        assert!(replaced.is_err() || found == b"new");
        seen.insert(found);
    }
    assert_eq!(seen, [b"old".to_vec(), b"new".to_vec()].into());
}

#[test]
fn power_loss_fails_everything_until_the_reboot_and_old_handles_after_it() {
    let disk = disk_with_dir(1);
    let file = put(&disk, "/data/a", &[1]);
    let _lock = Disk::lock(&disk, path("/data/.lock")).unwrap();
    let before = disk.change_count();
    disk.crash_after(1);
    file.set_len(5).unwrap();
    assert!(file.set_len(6).is_err());
    assert_eq!(disk.change_count(), before + 2);
    assert!(file.len().is_err() && file.sync_data().is_err() && disk.list(path("/")).is_err());
    disk.reboot();
    assert!(file.len().is_err());
    assert!(disk.list(path("/data")).is_ok());
    Disk::lock(&disk, path("/data/.lock")).unwrap();
}

#[test]
fn killed_process_leaves_what_it_wrote_and_nothing_of_its_handles() {
    let disk = disk_with_dir(1);
    let file = put(&disk, "/data/a", &[1; 9]);
    let _lock = Disk::lock(&disk, path("/data/.lock")).unwrap();
    disk.kill();
    assert!(file.len().is_err());
    assert_eq!(read_file(&disk, path("/data/a")).unwrap(), [1; 9]);
    Disk::lock(&disk, path("/data/.lock")).unwrap();
}

#[test]
fn failed_sync_loses_bytes_that_readers_still_see() {
    let outcomes = outcomes(|disk| {
        let file = put(disk, "/data/a", &[1; 4]);
        disk.sync_dir(path("/data")).unwrap();
        disk.fail_after(Operation::Sync, 0);
        file.sync_data().unwrap_err();
        file.sync_data().unwrap();
        let mut seen = [0; 4];
        read_exact_at(&*file, &mut seen, 0).unwrap();
        assert_eq!(seen, [1; 4]);
    });
    assert!(outcomes.contains(&Some(vec![])) && outcomes.contains(&Some(vec![1; 4])));
}

#[test]
fn failure_hits_the_operation_it_was_planned_for_and_no_other() {
    let disk = disk_with_dir(1);
    disk.fail_after(Operation::Write, 1);
    disk.fail_after(Operation::Rename, 0);
    let file = put(&disk, "/data/a", &[1]);
    assert!(write_all_at(&*file, &[2], 0).is_err());
    write_all_at(&*file, &[3], 0).unwrap();
    assert!(disk.rename(path("/data/a"), path("/data/b")).is_err());
    assert_eq!(read_file(&disk, path("/data/a")).unwrap(), [3]);
    disk.fail_after(Operation::Read, 0);
    disk.forget_failures();
    file.len().unwrap();
}

#[test]
fn full_disk_takes_what_fits_and_has_room_again_after_a_deletion() {
    let disk = disk_with_dir(1);
    disk.set_capacity(Some(10));
    let first = put(&disk, "/data/a", &[1; 6]);
    let second = disk.open(path("/data/b"), Open::Create).unwrap();
    assert_eq!(second.reserve(0, 5).unwrap_err().kind(), io::ErrorKind::StorageFull);
    second.reserve(0, 3).unwrap();
    assert_eq!((disk.used_bytes(), disk.free_bytes(path("/")).unwrap()), (9, 1));
    // Blocks that are there, and those set aside, are written without any room.
    write_all_at(&*first, &[2; 6], 0).unwrap();
    assert_eq!(second.write_vectored_at(&[IoSlice::new(&[3; 9])], 0).unwrap(), 4);
    let full = second.write_vectored_at(&[IoSlice::new(&[3; 5])], 4).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    disk.remove_file(path("/data/a")).unwrap();
    assert_eq!(second.write_vectored_at(&[IoSlice::new(&[3; 5])], 4).unwrap(), 5);
}

#[test]
fn short_writes_write_at_least_a_byte() {
    let disk = disk_with_dir(1);
    disk.set_writes_short(true);
    let file = disk.open(path("/data/a"), Open::Create).unwrap();
    let counts: BTreeSet<_> = (0..100)
        .map(|_| file.write_vectored_at(&[IoSlice::new(&[1]), IoSlice::new(&[2, 3])], 0).unwrap())
        .collect();
    assert_eq!(counts, [1, 2, 3].into());
}

#[test]
fn removed_file_stays_readable_to_who_has_it_open() {
    let disk = disk_with_dir(1);
    let file = put(&disk, "/data/a", &[1, 2]);
    let mapping = file.map(100).unwrap();
    disk.remove_file(path("/data/a")).unwrap();
    put(&disk, "/data/a", &[9]);
    let mut seen = [0; 2];
    read_exact_at(&*file, &mut seen, 0).unwrap();
    assert_eq!((seen, mapping.get(0, 2)), ([1, 2], Some(&[1, 2][..])));
}

#[test]
fn lock_is_held_until_it_is_dropped() {
    let disk = disk_with_dir(1);
    let held = Disk::lock(&disk, path("/data/.lock")).unwrap();
    let refused = Disk::lock(&disk, path("/data/.lock")).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    drop(held);
    Disk::lock(&disk, path("/data/.lock")).unwrap();
}

#[test]
fn names_that_are_not_what_is_asked_for_are_refused() {
    let disk = disk_with_dir(1);
    put(&disk, "/data/a", &[1]);
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    let open = |text| kind(disk.open(path(text), Open::Write).map(drop));
    assert_eq!(open("/data/b"), io::ErrorKind::NotFound);
    assert_eq!(open("/absent/b"), io::ErrorKind::NotFound);
    assert_eq!(open("/data"), io::ErrorKind::IsADirectory);
    assert_eq!(kind(disk.remove_dir(path("/data"))), io::ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind(disk.remove_file(path("/data"))), io::ErrorKind::IsADirectory);
    assert_eq!(kind(disk.create_dir_all(path("/data/a/b"))), io::ErrorKind::NotADirectory);
    let file = disk.open(path("/data/a"), Open::Read).unwrap();
    assert_eq!(kind(file.set_len(0)), io::ErrorKind::PermissionDenied);
    disk.remove_file(path("/data/a")).unwrap();
    disk.remove_dir(path("/data")).unwrap();
}
