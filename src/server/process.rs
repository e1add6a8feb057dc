//! Process metrics, with the names that Prometheus' own client libraries use. Linux only: on other systems they are
//! missing.

use std::fs;

use prometheus_client::{
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

/// Clock ticks per second in `/proc` of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Registers the metrics; `started_at` is in milliseconds.
pub(super) fn register(registry: &mut Registry, started_at: i64) {
    let start = "Start time of the process, in seconds since the Unix epoch";
    registry.register("process_start_time_seconds", start, ConstGauge::new(started_at / 1_000));
    if let Some(bytes) = resident_bytes() {
        registry.register("process_resident_memory_bytes", "Resident memory in bytes", ConstGauge::new(bytes));
    }
    if let Some(seconds) = cpu_seconds() {
        registry.register("process_cpu_seconds", "CPU time in seconds, user and system", ConstCounter::new(seconds));
    }
    if let Some(open) = open_fds() {
        registry.register("process_open_fds", "Open file descriptors", ConstGauge::new(open));
    }
    if let Some(max) = max_fds() {
        registry.register("process_max_fds", "Limit on open file descriptors", ConstGauge::new(max));
    }
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, can contain spaces.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()?.checked_add(fields.next()?.parse().ok()?)?;
    Some(f64::from(ticks) / TICKS_PER_SECOND)
}

fn open_fds() -> Option<u64> {
    // Reading the folder opens one descriptor.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64)
}

fn max_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
