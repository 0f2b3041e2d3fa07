//! The process: memory, files, time. From `/proc`; where that is not to be had, the numbers are left out.

use std::fs;
use std::io::{BufReader, Read as _};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::text::{Text, seconds};

/// Clock ticks per second of `/proc/self/stat`: 100 on every Linux, whatever the kernel was built with.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn write(text: &mut Text, started: Instant) {
    text.gauge("ottla_build_info", "The version that runs.")
        .sample(&[("version", &env!("CARGO_PKG_VERSION"))], 1);
    let uptime = started.elapsed();
    text.gauge("ottla_uptime_seconds", "How long the process has been running.")
        .sample(&[], seconds(uptime));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    text.gauge("ottla_process_start_time_seconds", "When the process began, since 1970.")
        .sample(&[], seconds(now.saturating_sub(uptime)));
    write_memory(text);
    write_files(text);
    if let Some(ticks) = cpu_ticks() {
        let help = "The CPU time that the process has used.";
        text.counter("ottla_process_cpu_seconds_total", help)
            .sample(&[], ticks as f64 / TICKS_PER_SECOND);
    }
}

fn write_memory(text: &mut Text) {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return };
    for (field, name, help) in [
        ("VmRSS:", "ottla_process_resident_memory_bytes", "The memory in use, log pages included."),
        (
            "RssAnon:",
            "ottla_process_anonymous_memory_bytes",
            "The memory in use without log pages.",
        ),
    ] {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        if let Some(kibibytes) = kibibytes {
            text.gauge(name, help).sample(&[], kibibytes << 10);
        }
    }
}

fn write_files(text: &mut Text) {
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // The directory that is being read is open, too.
        text.gauge("ottla_process_open_fds", "Open files and connections.")
            .sample(&[], files.count().saturating_sub(1));
    }
    if let Some(max) = open_files_max() {
        text.gauge("ottla_process_max_fds", "How many files and connections may be open.")
            .sample(&[], max);
    }
    if let Ok(count) = mapping_count() {
        let help = "Regions of memory that are mapped; Linux allows 65530 unless told otherwise.";
        text.gauge("ottla_process_mappings", help).sample(&[], count);
    }
}

fn open_files_max() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Counts the lines of `/proc/self/maps` without keeping them: there may be tens of thousands.
fn mapping_count() -> std::io::Result<usize> {
    let mut maps = BufReader::new(fs::File::open("/proc/self/maps")?);
    let mut buffer = vec![0; 64 << 10];
    let mut count = 0;
    loop {
        match maps.read(&mut buffer)? {
            0 => return Ok(count),
            length => {
                let read = buffer.get(..length).unwrap_or_default();
                count += read.iter().filter(|byte| **byte == b'\n').count();
            }
        }
    }
}

/// The time in user and kernel mode. The second field, the program's name, may hold anything but ends with a parenthesis.
fn cpu_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}
