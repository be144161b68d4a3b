//! `simplon check`: what is wrong with a configuration, text and world.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use clap::{Args, ValueEnum};

use super::{ConfigFile, USAGE, print, tell};
use crate::{
    config::{self, Problem, Report},
    listen,
    observe::Metrics,
    respond::Refusal,
    snapshot::{Snapshot, SnapshotCell, World},
    tls,
};

/// Check a configuration without using it
///
/// Exit status 0 if it can be used, 2 if not. Warnings do not change the status.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// How problems are shown
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  simplon check                                    of conf/simplon.yaml
  simplon check -c /etc/simplon/simplon.yaml
  simplon check --format json | jq '.[].message'   for programs";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the line and a caret, for people
    Human,
    /// An array of problems, for programs
    Json,
}

impl Check {
    pub(super) fn execute(&self) -> u8 {
        let (report, usable) = match check(&self.file) {
            Ok(warnings) => (warnings, true),
            Err(report) => (report, false),
        };
        match self.format {
            Format::Json => print(format_args!("{:#}", report.to_json())),
            Format::Human => {
                if !report.is_empty() {
                    tell(&report);
                }
                let file = self.file.config.display();
                match (usable, report.is_empty()) {
                    (true, true) => print(format_args!("{file} is good")),
                    (true, false) => {
                        print(format_args!("{file} is good, with {}", report.summary()));
                    }
                    (false, _) => tell(format_args!("{file} cannot be used: {}", report.summary())),
                }
            }
        }
        if usable { 0 } else { USAGE }
    }
}

/// Does all that `run` does up to the point where the world would change.
fn check(file: &ConfigFile) -> Result<Report, Report> {
    let loaded = config::load(&file.config)?;
    let labels: &'static [&'static str] = Refusal::labels().collect::<Vec<_>>().leak();
    let metrics = Metrics::new(labels, &listen::REASONS, SystemTime::now())
        .map_err(|error| Report::plain(error.to_string()))?;
    let world = World {
        metrics,
        resolver: Arc::new(tls::Resolver(Arc::default())),
        tickets: Arc::default(),
        key_log: Arc::new(rustls::NoKeyLog),
        orders: Arc::default(),
        limits: Arc::default(),
        engines: Arc::default(),
        pressure: Arc::default(),
        may_write: false,
    };
    let built = Snapshot::build(
        loaded.config,
        &SnapshotCell::default().load(),
        &world,
        Instant::now(),
    );
    let all = |problems: Vec<Problem>| {
        let of_text = loaded.warnings.problems().cloned();
        Report::new(of_text.chain(problems), &loaded.sources)
    };
    match built {
        Ok(built) => Ok(all(built.warnings)),
        Err(problems) => Err(all(problems)),
    }
}
