//! What a reload may fail for, and what is remembered of the last one.

use std::time::{Instant, SystemTime};

use super::Edge;
use crate::config::{Config, Report};

/// Why the generation in force stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("{0}")]
    Config(Report),
    #[error("{0}")]
    World(String),
    #[error("`{0}` cannot change while the process runs\n  hint: restart simplon to change it")]
    NeedsRestart(&'static str),
    #[error(
        "this process was started without a configuration file\n  hint: start it with `simplon run -c FILE`"
    )]
    NoFile,
    #[error("the process is stopping")]
    Stopping,
    #[error("building the configuration failed within simplon, please report it: {0}")]
    Panicked(tokio::task::JoinError),
}

/// The last time a configuration was loaded, for the stats page.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) at: Instant,
    pub(super) succeeded: bool,
    /// Why not; empty after success.
    pub(super) message: String,
}

impl Attempt {
    pub(super) fn started() -> Self {
        Self {
            at: Instant::now(),
            succeeded: true,
            message: String::new(),
        }
    }
}

impl Edge {
    /// Tells the log, the metrics and the stats page what came of a reload.
    pub(super) fn note(&self, result: &Result<u64, ReloadError>) {
        let mut attempt = Attempt::started();
        match result {
            Ok(generation) => {
                tracing::info!("reloaded: generation {generation} is in force");
                self.observer
                    .metrics
                    .reload_succeeded(*generation, SystemTime::now());
            }
            Err(error) => {
                let stays = self.snapshot.load().generation;
                tracing::error!("reload refused, generation {stays} stays in force\n{error}");
                self.observer.metrics.reload_failed(SystemTime::now());
                attempt.succeeded = false;
                attempt.message = error.to_string();
            }
        }
        *self.last_reload.lock() = attempt;
    }
}

/// Some settings shape the process itself.
pub(super) fn needs_restart(before: &Config, after: &Config) -> Result<(), ReloadError> {
    let changed = [
        ("workers", before.workers != after.workers),
        ("admin.bind", before.admin.bind != after.admin.bind),
        ("control", before.control != after.control),
        ("log.access", before.log.access != after.log.access),
        ("state", before.state != after.state),
    ];
    match changed.iter().find(|(_, changed)| *changed) {
        Some((key, _)) => Err(ReloadError::NeedsRestart(key)),
        None => Ok(()),
    }
}
