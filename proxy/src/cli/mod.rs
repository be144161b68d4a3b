//! The commands.

mod begin;
mod cert;
mod check;
mod completions;
mod drain;
mod man;
mod order;
mod reload;
mod run;
mod schema;
mod socket;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod up;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// An edge reverse proxy and load balancer
#[derive(Debug, Parser)]
#[command(name = "simplon", version, about, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{BESIDES}"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  simplon up                                    try the whole stack here
  simplon run --from :8080 --to 127.0.0.1:3000  a proxy without a file
  simplon check -c conf/simplon.yaml            what is wrong with a file
  simplon run -c conf/simplon.yaml              serve
  simplon reload                                put a changed file in force
  simplon status --watch                        servers, traffic and health
  simplon drain api/10.0.0.11:8000 --wait       no new requests, until idle
  simplon ready api/10.0.0.11:8000              let it work again
  simplon cert list                             certificates and what comes next";

const BESIDES: &str = "\
Messages go to standard error; SIMPLON_LOG=debug shows more.

Signals:
  HUP     reload
  TERM    drain and stop; a second one stops at once
  INT     stop
  USR1    reopen log files";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Up(up::Up),
    Check(check::Check),
    Reload(reload::Reload),
    Ready(order::Ready),
    Drain(drain::Drain),
    Maint(order::Maint),
    Weight(order::Weigh),
    Status(status::Status),
    Cert(cert::Cert),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = "conf/simplon.yaml")]
    config: PathBuf,
}

/// Wrong configuration or command line.
const USAGE: u8 = 2;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let Some(first) = std::env::args_os().nth(1) else {
        tell(begin::HERE);
        return ExitCode::from(USAGE);
    };
    match Cli::try_parse() {
        Ok(cli) => ExitCode::from(cli.command.execute()),
        Err(error) => begin::explain(error, first.to_str()),
    }
}

impl Command {
    fn execute(self) -> u8 {
        match self {
            Self::Run(run) => run.execute(),
            Self::Up(up) => up.execute(),
            Self::Check(check) => check.execute(),
            Self::Reload(reload) => reload.execute(),
            Self::Ready(ready) => ready.execute(),
            Self::Drain(drain) => drain.execute(),
            Self::Maint(maint) => maint.execute(),
            Self::Weight(weight) => weight.execute(),
            Self::Status(status) => status.execute(),
            Self::Cert(cert) => cert.execute(),
            Self::Schema(schema) => schema.execute(),
            Self::Completions(completions) => completions.execute(),
            Self::Man(man) => man.execute(),
        }
    }
}

/// Tells the person at the terminal. The one place that prints messages of commands.
#[expect(clippy::print_stderr, reason = "this is the command line")]
fn tell(message: impl std::fmt::Display) {
    eprintln!("{message}");
}

/// Prints what a command is for, on standard output.
#[expect(clippy::print_stdout, reason = "this is the command line")]
fn print(text: impl std::fmt::Display) {
    println!("{text}");
}

/// Writes what is long to standard output; gives the exit status. A reader that has seen enough, as `head` does, is no error.
fn pour(text: &[u8]) -> u8 {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(format_args!("error: cannot write: {error}"));
            1
        }
        _ => 0,
    }
}
