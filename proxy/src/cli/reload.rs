//! `simplon reload`: ask the running process, wait, and tell what came of it.

use std::future::ready;

use clap::Args;

use super::{print, socket::Socket, tell};
use crate::process::Command;

/// Put a changed configuration in force in the running process
///
/// Waits until the process has read it. Exit status 0 if it is in force, 1 if it was refused or no
/// process was found; whatever was in force before then still is. `kill -HUP PID` reloads too.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Reload {
    #[command(flatten)]
    process: Socket,
}

const EXAMPLES: &str = "\
Examples:
  simplon reload                                     of conf/simplon.yaml
  simplon reload -c /etc/simplon/simplon.yaml
  simplon reload --control /run/simplon/control.sock";

impl Reload {
    pub(super) fn execute(&self) -> u8 {
        match self.process.ask(&Command::Reload, ready(())) {
            Some(answer) if answer.ok => {
                print(format_args!("reloaded: {}", answer.message));
                0
            }
            Some(answer) => {
                tell(format_args!(
                    "{}\nreload refused; what was in force stays in force",
                    answer.message
                ));
                1
            }
            None => 1,
        }
    }
}
