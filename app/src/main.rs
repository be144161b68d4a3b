//! The command `simplon-app`: reads the command line, runs, and turns the outcome into an exit status.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use simplon_app::cli::{Cli, Command};
use simplon_app::life::{self, Ending};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli {
        command: Command::Serve(options),
    } = Cli::parse();
    log_to_stderr();
    match life::run(&options) {
        Ok(Ending::Drained) => ExitCode::SUCCESS,
        Ok(Ending::Cut) => ExitCode::FAILURE,
        Err(failure) => {
            let hint = failure
                .hint()
                .map(|hint| format!("\n  hint: {hint}"))
                .unwrap_or_default();
            // If stderr is gone, the exit status alone must tell.
            let _ = writeln!(io::stderr(), "error: {failure}{hint}");
            ExitCode::FAILURE
        }
    }
}

/// `RUST_LOG` chooses what is logged; without it, whatever is worth knowing in normal operation.
fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .init();
}
