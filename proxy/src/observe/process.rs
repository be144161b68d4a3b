//! What the kernel knows of our process. Names are those every Prometheus client uses.
//!
//! A value that cannot be read is left out; a scrape does not fail for it.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use super::exposition::{Exposition, Family, Labels};

/// Appends the families of the process.
pub(super) fn write(page: &mut Exposition) {
    let mut cpu = Family::counter(
        "process_cpu_seconds_total",
        "CPU time of all threads, user and system.",
    );
    cpu.sample(&Labels::default(), cpu_seconds());
    page.add(cpu);
    let status = status();
    let gauges = [
        (
            "process_resident_memory_bytes",
            "Memory that is resident.",
            bytes_of(&status, "VmRSS:"),
        ),
        (
            "process_virtual_memory_bytes",
            "Addresses that are taken, most of which need no memory.",
            bytes_of(&status, "VmSize:"),
        ),
        (
            "process_threads",
            "Threads of the process.",
            value_of(&status, "Threads:").and_then(|count| count.parse().ok()),
        ),
        (
            "process_open_fds",
            "File descriptors that are open.",
            open_descriptors(),
        ),
        (
            "process_max_fds",
            "File descriptors that may be open (soft limit).",
            descriptor_limit(),
        ),
    ];
    for (name, help, value) in gauges {
        let mut family = Family::gauge(name, help);
        if let Some(value) = value {
            family.sample(&Labels::default(), value);
        }
        page.add(family);
    }
}

/// The name of the machine; empty if it is not known.
pub fn node() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname");
    name.map(|name| name.trim().to_owned()).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a metric's value is a float")]
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

pub fn resident_bytes() -> Option<u64> {
    bytes_of(&status(), "VmRSS:")
}

/// Empty if it cannot be read.
fn status() -> String {
    fs::read_to_string("/proc/self/status").unwrap_or_default()
}

/// The kernel writes KiB.
fn bytes_of(status: &str, heading: &str) -> Option<u64> {
    let kib: u64 = value_of(status, heading)?.parse().ok()?;
    kib.checked_mul(1024)
}

pub fn open_descriptors() -> Option<u64> {
    let listed = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is the listing's own.
    u64::try_from(listed.saturating_sub(1)).ok()
}

/// `None` also where there is no limit.
pub fn descriptor_limit() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    value_of(&limits, "Max open files")?.parse().ok()
}

/// The first word after a line's heading.
fn value_of<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(heading))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_after_a_heading_is_the_value() {
        let text = "Name:\tsimplon\nVmRSS:\t    5120 kB\nMax open files            1024    4096    files\n";
        assert_eq!(value_of(text, "VmRSS:"), Some("5120"));
        assert_eq!(value_of(text, "Max open files"), Some("1024"));
        assert_eq!(value_of(text, "VmSwap:"), None);
    }

    #[test]
    fn the_kernel_is_heard() {
        assert!(cpu_seconds() > 0.0);
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(open_descriptors().unwrap() >= 3);
        assert!(descriptor_limit().is_none_or(|limit| limit >= 64));
    }
}
