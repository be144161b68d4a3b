//! A clock that is wrong: the time of day is off, while timers run as ever.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

use super::tools::faketime;

/// How wrong the clock of a process is. Can be changed while the process runs.
pub(crate) struct Clock {
    directory: TempDir,
}

impl Clock {
    /// A clock that is off by so much: `+400d`, `-2h`, `+90s`.
    pub(crate) fn off_by(offset: &str) -> Self {
        let clock = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        clock.set(offset);
        clock
    }

    /// Whoever runs by this clock sees the new time at once.
    pub(crate) fn set(&self, offset: &str) {
        // Renamed into place, for a process that reads half an offset would see a third time.
        let whole = self.file().with_extension("new");
        std::fs::write(&whole, format!("{offset}\n")).unwrap();
        std::fs::rename(whole, self.file()).unwrap();
    }

    pub(super) fn give(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }

    /// Removes what the library leaves behind when a process with this id is killed.
    pub(super) fn forget(process: u32) {
        for name in ["sem.faketime_sem", "faketime_shm"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{name}_{process}"));
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}
