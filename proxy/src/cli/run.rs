//! `simplon run`: serve in the foreground.

use clap::Args;
use tokio::runtime::{Builder, Runtime};

use super::{ConfigFile, USAGE, tell};
use crate::{
    config::{self, Config, Loaded, Report, Sources},
    observe::logging,
    process::{Edge, Signals, Source, StartError},
};

/// Serve in the foreground
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simplon run -c /etc/simplon/simplon.yaml
  simplon run --from :8080 --to 127.0.0.1:3000")]
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
}

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
            Ok(loaded) => serve(source, loaded),
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

fn serve(source: Source, loaded: Loaded) -> u8 {
    if let Err(error) = logging::init() {
        tell(format_args!("messages cannot be set up: {error}"));
    }
    if !loaded.warnings.is_empty() {
        tell(&loaded.warnings);
    }
    let runtime = match runtime(&loaded.config) {
        Ok(runtime) => runtime,
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
        match Edge::start(source, loaded).await {
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

/// One worker a core, or as many as configured.
pub(super) fn runtime(config: &Config) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(workers) = config.workers {
        builder.worker_threads(workers.get());
    }
    builder.thread_name("simplon").enable_all().build()
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
