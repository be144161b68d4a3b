//! What a proxy starts with, when a configuration and origins do not say it all.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use super::{AcmeFront, Clock, Origin, Pebble, Ports, Proxy, command::binary_after, text};

/// What is done to the command before it is run.
type More<'a> = Box<dyn FnOnce(&mut Command) + Send + 'a>;

/// A proxy to be started. Its parts can be given in any order.
pub(crate) struct Setup<'a> {
    text: String,
    origins: Vec<String>,
    ports: Option<Ports>,
    directory: Option<TempDir>,
    clock: Option<&'a Clock>,
    more: Option<More<'a>>,
    shell: &'a str,
}

impl<'a> Setup<'a> {
    /// With a configuration as `text.rs` reads it.
    pub(crate) fn of(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            origins: Vec::new(),
            ports: None,
            directory: None,
            clock: None,
            more: None,
            shell: "",
        }
    }

    /// The origins that `$1` to `$9` stand for.
    pub(crate) fn before(mut self, origins: &[&Origin]) -> Self {
        self.origins = origins.iter().map(ToString::to_string).collect();
        self
    }

    /// On the ports that this Pebble validates at. `$acme` stands for its directory, `$root` for the
    /// authority of its API.
    pub(crate) fn certified_by(mut self, pebble: &Pebble) -> Self {
        self.text = pebble.name_in(&self.text);
        self.on(pebble.ports())
    }

    /// On these ports.
    pub(crate) fn on(mut self, ports: Ports) -> Self {
        self.ports = Some(ports);
        self
    }

    /// In a directory that may have been another proxy's.
    pub(crate) fn kept_in(mut self, directory: TempDir) -> Self {
        self.directory = Some(directory);
        self
    }

    /// With a time of day of its own.
    pub(crate) fn by(mut self, clock: &'a Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// With more on the command line or in the environment.
    pub(crate) fn with(mut self, more: impl FnOnce(&mut Command) + Send + 'a) -> Self {
        self.more = Some(Box::new(more));
        self
    }

    /// By a shell that does this before, such as `umask 000`.
    pub(crate) fn after(mut self, shell: &'a str) -> Self {
        self.shell = shell;
        self
    }

    /// Through this front of a CA, which `$front` stands for, and `$its_root` for the authority of it.
    pub(crate) fn through(mut self, front: &AcmeFront) -> Self {
        self.text = front.name_in(&self.text);
        self
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(self) -> Proxy {
        let ports = self.ports.unwrap_or_else(Ports::free);
        let directory = self
            .directory
            .unwrap_or_else(|| tempfile::tempdir().unwrap());
        let file = directory.path().join("simplon.yaml");
        let config = text::complete(&self.text, &self.origins, ports, directory.path());
        std::fs::write(&file, config).unwrap();
        let mut command = binary_after(self.shell);
        if let Some(clock) = self.clock {
            clock.give(&mut command);
        }
        command.arg("run").arg("-c").arg(&file);
        if let Some(more) = self.more {
            more(&mut command);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Proxy::adopt(child, ports, self.origins, directory).await
    }
}
