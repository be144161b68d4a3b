//! `simplon status`: what the stats page shows, in a terminal.

mod numbers;
mod screen;
mod view;

use std::{
    future::ready,
    io::{self, IsTerminal, stdout},
    time::Duration,
};

use clap::Args;
use serde_json::Value;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use self::screen::Screen;
use super::{
    print,
    socket::Socket,
    table::{lines, terminal_width},
    tell,
};
use crate::{admin::StatsView, process::Command};

/// Show listeners, upstreams and servers of the running process
///
/// The columns are those of HAProxy's page: sessions are connections of a listener and requests at a
/// server; latencies, in ms, are of the last minute. A terminal that is narrow gets fewer columns.
/// Exit status 0, or 1 if no process was found.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Status {
    /// Only these upstreams, and the listeners
    #[arg(value_name = "UPSTREAM")]
    upstreams: Vec<String>,
    #[command(flatten)]
    process: Socket,
    /// Print everything there is to know, for programs
    #[arg(long)]
    json: bool,
    /// Show it again every so many seconds, until Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u16).range(1..=3600),
        conflicts_with = "json"
    )]
    watch: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  simplon status                     everything, once
  simplon status api --watch         the servers of one upstream, every 2 s
  simplon status --watch=10          everything, every 10 s
  simplon status --json | jq '.upstreams[].servers[].state'";

impl Status {
    pub(super) fn execute(&self) -> u8 {
        let done = match self.watch {
            Some(seconds) => self.watch(Duration::from_secs(seconds.into())),
            None => self.once(),
        };
        match done {
            Ok(()) => 0,
            Err(why) => {
                tell(why);
                1
            }
        }
    }

    fn once(&self) -> Result<(), String> {
        if self.json {
            let stats = serde_json::to_string_pretty(&self.ask()?);
            print(stats.map_err(|error| error.to_string())?);
        } else {
            let stats = self.stats()?;
            print(view::text(&stats, terminal_width(), wants_colours()));
        }
        Ok(())
    }

    /// Until a signal ends it, or the process goes.
    fn watch(&self, pause: Duration) -> Result<(), String> {
        let failed = |error: io::Error| format!("cannot watch: {error}");
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (mut interrupt, mut terminate) = {
            let _within = runtime.enter();
            (
                signal(SignalKind::interrupt()).map_err(failed)?,
                signal(SignalKind::terminate()).map_err(failed)?,
            )
        };
        let mut stats = self.stats()?;
        // Given back when this is left, by whatever way.
        let screen = Screen::open();
        loop {
            screen.show(&view::text(&stats, terminal_width(), wants_colours()));
            let goes_on = runtime.block_on(async {
                tokio::select! {
                    () = sleep(pause) => true,
                    _ = interrupt.recv() => false,
                    _ = terminate.recv() => false,
                }
            });
            if !goes_on {
                return Ok(());
            }
            stats = self.stats()?;
        }
    }

    fn stats(&self) -> Result<StatsView, String> {
        serde_json::from_value(self.ask()?).map_err(|error| {
            format!("the process is of another version than this command: {error}")
        })
    }

    fn ask(&self) -> Result<Value, String> {
        let command = Command::Status {
            upstreams: self.upstreams.clone(),
        };
        let answer = self.process.try_ask(&command, ready(()))?;
        if answer.ok {
            Ok(answer.data)
        } else {
            Err(lines(&answer.message))
        }
    }
}

/// See no-color.org.
fn wants_colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && stdout().is_terminal()
}
