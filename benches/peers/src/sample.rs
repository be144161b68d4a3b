//! What the kernel knows: the processor time of a process group, of the machine, and the memory of a group.

use std::{fs, path::Path};

use crate::outcome::{In, Outcome};

/// Processor time of all threads of all processes of a group, in nanoseconds. What has ended meanwhile is not in it.
pub(crate) fn used(group: i32) -> Outcome<u64> {
    let mut sum = 0;
    for process in members(group)? {
        let Ok(threads) = fs::read_dir(process.join("task")) else {
            continue; // it has just ended
        };
        for thread in threads.flatten() {
            sum += fs::read_to_string(thread.path().join("schedstat"))
                .ok()
                .and_then(|text| ran(&text))
                .unwrap_or(0);
        }
    }
    Ok(sum)
}

/// Proportional share of memory of all processes of a group, in KiB.
pub(crate) fn memory(group: i32) -> Outcome<u64> {
    let mut sum = 0;
    for process in members(group)? {
        let text = fs::read_to_string(process.join("smaps_rollup")).while_doing("smaps_rollup")?;
        sum += pss(&text).ok_or("smaps_rollup has no Pss")?;
    }
    Ok(sum)
}

/// The numbers of the processes of a group.
pub(crate) fn processes(group: i32) -> Outcome<Vec<String>> {
    let names = members(group)?.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some(name)
    });
    Ok(names.collect())
}

fn members(group: i32) -> Outcome<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let path = entry.path();
        if group_of(&path) == Some(group) {
            found.push(path);
        }
    }
    Ok(found)
}

fn group_of(process: &Path) -> Option<i32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    after_name(&stat).nth(2)?.parse().ok()
}

/// The fields of `/proc/PID/stat` from the third on: the name before them may hold anything.
fn after_name(stat: &str) -> impl Iterator<Item = &str> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace()
}

/// The first field of schedstat: nanoseconds on a processor.
fn ran(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

fn pss(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The machine at a moment, in ticks of 10 ms since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Machine {
    /// What processes and interrupts had of all processors.
    pub busy: u64,
    /// What the host gave to others.
    pub steal: u64,
    /// What this program had, and the load that it has waited for.
    pub ours: u64,
}

impl Machine {
    pub(crate) fn now() -> Outcome<Self> {
        let (busy, steal) = all(&fs::read_to_string("/proc/stat")?).ok_or("/proc/stat")?;
        let ours = own(&fs::read_to_string("/proc/self/stat")?).ok_or("/proc/self/stat")?;
        Ok(Self { busy, steal, ours })
    }
}

/// Of the line `cpu`: user, nice, system, irq and softirq; and steal.
fn all(stat: &str) -> Option<(u64, u64)> {
    let fields: Vec<u64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_ascii_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = fields[..] else {
        return None;
    };
    Some((user + nice + system + irq + softirq, steal))
}

/// utime, stime, and those of children that have ended: fields 14 to 17 of proc(5).
fn own(stat: &str) -> Option<u64> {
    let fields: Vec<u64> = after_name(stat)
        .skip(11)
        .take(4)
        .map_while(|f| f.parse().ok())
        .collect();
    (fields.len() == 4).then(|| fields.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedstat_begins_with_the_time_on_a_processor() {
        assert_eq!(ran("123456789 42 7\n"), Some(123_456_789));
        assert_eq!(ran(""), None);
    }

    #[test]
    fn the_share_of_memory_is_that_of_pss() {
        let text = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  2000 kB\nPss:  1234 kB\nPss_Anon: 7 kB\n";
        assert_eq!(pss(text), Some(1234));
    }

    #[test]
    fn busy_is_what_is_neither_idle_nor_stolen() {
        let text = "cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 2 3\n";
        assert_eq!(all(text), Some((163, 8)));
        assert_eq!(all("cpu 1 2\n"), None);
    }

    #[test]
    fn a_name_with_brackets_and_blanks_confuses_nobody() {
        let stat = "77 (a) b (c) S 1 55 55 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0";
        assert_eq!(after_name(stat).nth(2), Some("55"));
        assert_eq!(own(stat), Some(100));
    }

    #[test]
    fn a_group_has_used_processor_time_and_memory() {
        let own = group_of(Path::new("/proc/self")).unwrap();
        assert!(used(own).unwrap() > 0);
        assert!(memory(own).unwrap() > 0);
        assert!(
            processes(own)
                .unwrap()
                .contains(&std::process::id().to_string())
        );
    }
}
