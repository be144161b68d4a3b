//! Which processor runs what: the proxy has core 0 for itself, everything else is on core 1.

use std::path::Path;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::process::Command;

use crate::outcome::{In, Outcome};

/// The core of load, server and this program.
pub(crate) const LOAD: usize = 1;

/// A command that runs `program` on these cores, as of taskset(1), in a process group of its own.
pub(crate) fn pinned(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command
        .args(["-c", cores])
        .arg(program)
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// The cores of a proxy with so many workers.
pub(crate) fn of_workers(workers: usize) -> String {
    match workers {
        0 | 1 => "0".to_owned(),
        many => format!("0-{}", many - 1),
    }
}

/// Lets this program, and what it starts, open as many files as the system allows.
pub(crate) fn open_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without it rows with many connections fail, and say so.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Moves this program to the core of the load.
pub(crate) fn stay_on_load() -> Outcome<()> {
    let mut set = CpuSet::new();
    set.set(LOAD);
    sched_setaffinity(None, &set).while_doing("two cores are needed, one for the proxy alone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_a_core() {
        assert_eq!(of_workers(1), "0");
        assert_eq!(of_workers(2), "0-1");
    }
}
