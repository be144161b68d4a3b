//! The commands.

mod cert;
mod check;
mod drain;
mod order;
mod reload;
mod run;
mod socket;
mod status;
mod table;
mod up;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// An edge reverse proxy and load balancer.
#[derive(Debug, Parser)]
#[command(name = "simplon", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  simplon up                                      try the whole stack on this machine
  simplon run --from :8080 --to 127.0.0.1:3000    a proxy without a file
  simplon check -c conf/simplon.yaml              what is wrong with a configuration
  simplon run -c conf/simplon.yaml                serve
  simplon reload                                  put a changed configuration in force
  simplon status --watch                          servers, traffic and health in a terminal
  simplon drain api/10.0.0.11:8000 --wait         no new requests for a server, until it is idle
  simplon ready api/10.0.0.11:8000                let it work again; `maint` and `weight` are alike
  simplon cert list                               which certificates there are, and what comes next

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
    let status = match Cli::parse().command {
        Command::Run(run) => run.execute(),
        Command::Up(up) => up.execute(),
        Command::Check(check) => check.execute(),
        Command::Reload(reload) => reload.execute(),
        Command::Ready(ready) => ready.execute(),
        Command::Drain(drain) => drain.execute(),
        Command::Maint(maint) => maint.execute(),
        Command::Weight(weight) => weight.execute(),
        Command::Status(status) => status.execute(),
        Command::Cert(cert) => cert.execute(),
    };
    ExitCode::from(status)
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
