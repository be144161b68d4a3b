//! The scoreboard: Simplon beside nginx, HAProxy and Caddy, on the same machine, under the same loads, in turns.
//!
//! `board.rs` says how a run goes; `row.rs` what is measured; `round.rs` which rounds count.

mod board;
mod certificate;
mod cli;
mod client;
mod core;
mod field;
mod load;
mod machine;
mod origin;
mod outcome;
mod peer;
mod program;
mod relay;
mod report;
mod round;
mod row;
mod sample;
mod setup;
mod statistics;
mod template;
mod verify;

use std::{
    io::{Write as _, stderr},
    process::ExitCode,
};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::{Args, Command},
    outcome::Outcome,
};

/// What a shell says of a program that was interrupted.
const INTERRUPTED: u8 = 130;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let work = async {
        match &args.command {
            Some(Command::Relay { from, to }) => relay::run(*from, *to),
            None => board::run(&args).await,
        }
    };
    // Whatever was started ends when it is dropped, and so when `work` is.
    let ended = tokio::select! {
        ended = work => ended,
        stopped = interrupted() => match stopped {
            Ok(()) => return ExitCode::from(INTERRUPTED),
            Err(error) => Err(error),
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if even this fails.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns when the operator or the system wants an end.
async fn interrupted() -> Outcome<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
