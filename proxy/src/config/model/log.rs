//! The access log: where it goes, how a line is written, and of which requests.

use std::{path::PathBuf, time::Duration};

use crate::config::units::Percent;

/// What becomes of the record of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A reload cannot change it; it does change the rest.
    pub access: AccessLog,
    pub format: LogFormat,
    /// The share of requests that are logged, chosen at random. Errors and slow requests are always logged.
    pub sample: Percent,
    /// A request that takes longer is slow. Nothing is unless configured.
    pub slow: Option<Duration>,
}

/// One line a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    Off,
    #[default]
    Stdout,
    Stderr,
    File(PathBuf),
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Json,
    /// As Apache and nginx call it.
    Combined,
}

impl Default for Log {
    /// Every request, as JSON, on standard output.
    fn default() -> Self {
        Self {
            access: AccessLog::default(),
            format: LogFormat::default(),
            sample: Percent::new(100),
            slow: None,
        }
    }
}
