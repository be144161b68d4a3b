//! `simplon reload`: ask the running process, wait, and tell what came of it.

use std::{io, path::PathBuf};

use clap::Args;

use super::{ConfigFile, print, tell};
use crate::{config, process};

/// Put a changed configuration in force in the running process
///
/// Waits until the process has read it. Exit status 0 if it is in force, 1 if it was refused or no
/// process was found; whatever was in force before then still is.
#[derive(Debug, Args)]
pub(super) struct Reload {
    #[command(flatten)]
    file: ConfigFile,
    /// The process's control socket; default the one that the configuration file names
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
}

impl Reload {
    pub(super) fn execute(self) -> u8 {
        let path = self
            .control
            .unwrap_or_else(|| config::control(&self.file.config).path);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime.and_then(|runtime| runtime.block_on(process::ask(&path))) {
            Ok(answer) if answer.ok => {
                print(format_args!("reloaded: {}", answer.message));
                0
            }
            Ok(answer) => {
                tell(format_args!(
                    "{}\nreload refused; what was in force stays in force",
                    answer.message
                ));
                1
            }
            Err(error) => {
                tell(not_reached(&path, &error));
                1
            }
        }
    }
}

fn not_reached(path: &std::path::Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
            "no simplon runs with the control socket {path}\n  hint: name it with --control, or its configuration with -c; `kill -HUP PID` reloads too"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "the control socket {path} belongs to another user\n  hint: run this command as the user that runs simplon"
        ),
        _ => format!("the process behind {path} did not answer: {error}"),
    }
}
