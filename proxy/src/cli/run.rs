//! `simplon run`: serve in the foreground.

use std::{
    fs::OpenOptions, io, num::NonZeroUsize, os::unix::fs::OpenOptionsExt, sync::Arc,
    thread::available_parallelism,
};

use clap::Args;
use rustls::{KeyLog, KeyLogFile, NoKeyLog};
use tokio::runtime::{Builder, Runtime};

use super::{ConfigFile, USAGE, tell};
use crate::{
    config::{self, Config, Loaded, Report, Sources},
    listen::{BESIDE, Workers},
    observe::{Events, logging, panics},
    process::{Edge, Signals, Source, StartError},
};

/// Serve in the foreground
///
/// Exit status 0 after a signal to stop, 1 if it cannot start, 2 if the configuration cannot be used.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    #[command(flatten)]
    file: ConfigFile,
    /// Without a file: listen here
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "to",
        conflicts_with = "config"
    )]
    from: Option<String>,
    /// Without a file: forward to this server
    #[arg(long, value_name = "ADDRESS", requires = "from")]
    to: Option<String>,
    /// Write the secrets of every TLS connection to the file that SSLKEYLOGFILE names
    ///
    /// For debugging with Wireshark. Whoever has that file can read all traffic. Without this flag the
    /// variable does nothing.
    #[arg(long)]
    tls_key_log: bool,
}

const EXAMPLES: &str = "\
Examples:
  simplon run                                     with conf/simplon.yaml
  simplon run -c /etc/simplon/simplon.yaml
  simplon run --from :8080 --to 127.0.0.1:3000    without a file
  SIMPLON_LOG=debug simplon run                   with more messages";

impl Run {
    pub(super) fn execute(self) -> u8 {
        let (source, loaded) = match (&self.from, &self.to) {
            (Some(from), Some(to)) => (Source::Given, config::quick(from, to).map(given)),
            _ => (
                Source::File(self.file.config.clone()),
                config::load(&self.file.config),
            ),
        };
        match loaded {
            Ok(loaded) => match key_log(self.tls_key_log) {
                Ok(key_log) => serve(source, loaded, key_log),
                Err(message) => {
                    tell(format_args!("error: {message}"));
                    USAGE
                }
            },
            Err(report) => refuse(&report),
        }
    }
}

fn given(config: Config) -> Loaded {
    Loaded {
        config,
        warnings: Report::default(),
        sources: Sources::default(),
    }
}

/// Who is told the secrets of connections: nobody, unless the operator says so twice.
fn key_log(wanted: bool) -> Result<Arc<dyn KeyLog>, String> {
    const VARIABLE: &str = "SSLKEYLOGFILE";
    if !wanted {
        return Ok(Arc::new(NoKeyLog));
    }
    let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else {
        return Err(format!(
            "--tls-key-log needs a file to write to\n  hint: name one in the environment: {VARIABLE}=/tmp/keys.log"
        ));
    };
    // rustls opens it again; this is to make it private, and to say in time what is wrong with it.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| format!("cannot write {VARIABLE}={}: {error}", path.display()))?;
    Ok(Arc::new(KeyLogFile::new()))
}

fn serve(source: Source, loaded: Loaded, key_log: Arc<dyn KeyLog>) -> u8 {
    let events = messages();
    panics::watch();
    if !loaded.warnings.is_empty() {
        tell(&loaded.warnings);
    }
    if key_log.will_log("") {
        tracing::warn!(
            "the secrets of TLS connections are written to a file: whoever has it can read all traffic"
        );
    }
    let (runtime, workers) = match threads(&loaded.config) {
        Ok(threads) => threads,
        Err(error) => {
            tell(format_args!("cannot start worker threads: {error}"));
            return 1;
        }
    };
    let status = runtime.block_on(async {
        let signals = match Signals::install() {
            Ok(signals) => signals,
            Err(error) => {
                tell(format_args!("cannot take signals: {error}"));
                return 1;
            }
        };
        match Edge::start(source, loaded, key_log, events, workers).await {
            Ok(running) => {
                running.serve(signals).await;
                0
            }
            Err(error) => not_started(&error),
        }
    });
    // Whatever is still running was told to end, or is to be cut off.
    runtime.shutdown_background();
    status
}

/// Sets messages up, or says why there will be none.
pub(super) fn messages() -> Arc<Events> {
    logging::init().unwrap_or_else(|error| {
        tell(format_args!("messages cannot be set up: {error}"));
        Arc::default()
    })
}

/// What the main thread runs in, and the workers: one a core, or as many as configured.
pub(super) fn threads(config: &Config) -> io::Result<(Runtime, Workers)> {
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = Workers::start(config.workers.unwrap_or_else(cores))?;
    let main = Builder::new_current_thread()
        .thread_name(BESIDE)
        .enable_all()
        .build()?;
    Ok((main, workers))
}

/// Tells why the edge did not start; gives the exit status.
pub(super) fn not_started(error: &StartError) -> u8 {
    match error {
        StartError::Config(report) => refuse(report),
        StartError::World(message) => {
            tell(format_args!("error: {message}"));
            1
        }
    }
}

fn refuse(report: &Report) -> u8 {
    tell(report);
    tell(format_args!("{}; not started", report.summary()));
    USAGE
}
