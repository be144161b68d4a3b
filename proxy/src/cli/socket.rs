//! How commands find the running process, and what they say if there is none.

use std::{io, path::PathBuf};

use clap::Args;

use super::{ConfigFile, tell};
use crate::{
    config,
    process::{self, Asked, Command},
};

/// Where the running process is.
#[derive(Clone, Debug, Args)]
pub(super) struct Socket {
    #[command(flatten)]
    file: ConfigFile,
    /// The process's control socket; default the one that the configuration file names
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
}

impl Socket {
    /// Asks, and waits for the answer while `meanwhile` runs. Nothing if the process was not reached, which
    /// has been told.
    pub(super) fn ask(
        &self,
        command: &Command,
        meanwhile: impl Future<Output = ()>,
    ) -> Option<Asked> {
        self.try_ask(command, meanwhile).map_err(tell).ok()
    }

    /// As [`Self::ask`]; the error is for the operator, who has not heard of it yet.
    pub(super) fn try_ask(
        &self,
        command: &Command,
        meanwhile: impl Future<Output = ()>,
    ) -> Result<Asked, String> {
        let path = self.path();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let asking = async {
            let mut asked = std::pin::pin!(process::ask(&path, command));
            tokio::select! {
                answer = &mut asked => answer,
                () = meanwhile => asked.await,
            }
        };
        runtime
            .and_then(|runtime| runtime.block_on(asking))
            .map_err(|error| not_reached(&path, &error))
    }

    fn path(&self) -> PathBuf {
        let named = self.control.clone();
        named.unwrap_or_else(|| config::control(&self.file.config).path)
    }
}

fn not_reached(path: &std::path::Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
            "no simplon runs with the control socket {path}\n  hint: name it with --control, or its configuration with -c"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "the control socket {path} belongs to another user\n  hint: run this command as the user that runs simplon"
        ),
        _ => format!("the process behind {path} did not answer: {error}"),
    }
}
