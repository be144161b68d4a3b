//! Runs the binary to its end.

use std::{ffi::OsStr, process::Stdio};

use tokio::process::Command;

use super::in_time;

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; nothing if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs `simplon` with these arguments, split at spaces.
pub(crate) async fn simplon(arguments: &str) -> Ended {
    run(&arguments.split_whitespace().collect::<Vec<_>>()).await
}

pub(super) async fn run(arguments: &[impl AsRef<OsStr>]) -> Ended {
    let mut command = binary();
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = in_time("the command ends", command.output()).await.unwrap();
    Ended {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The binary under test, away from what the environment may say.
pub(crate) fn binary() -> Command {
    binary_after("")
}

/// The same, started by a shell that does something before, if there is something to do.
pub(super) fn binary_after(shell: &str) -> Command {
    let program = env!("CARGO_BIN_EXE_simplon");
    let mut command = if shell.is_empty() {
        Command::new(program)
    } else {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), program]);
        command
    };
    command
        .env_remove("SIMPLON_LOG")
        .env_remove("RUST_LOG")
        .env_remove("SSLKEYLOGFILE")
        .env("NO_COLOR", "1");
    command
}
