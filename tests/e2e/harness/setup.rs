//! What a proxy starts with, when a configuration and origins do not say it all.

use std::process::Stdio;

use tempfile::TempDir;

use super::{Clock, Origin, Pebble, Ports, Proxy, command::binary, text};

/// A proxy to be started. Its parts can be given in any order.
pub(crate) struct Setup<'a> {
    text: String,
    origins: Vec<String>,
    ports: Option<Ports>,
    directory: Option<TempDir>,
    clock: Option<&'a Clock>,
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

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(self) -> Proxy {
        let ports = self.ports.unwrap_or_else(Ports::free);
        let directory = self
            .directory
            .unwrap_or_else(|| tempfile::tempdir().unwrap());
        let file = directory.path().join("simplon.yaml");
        let config = text::complete(&self.text, &self.origins, ports, directory.path());
        std::fs::write(&file, config).unwrap();
        let mut command = binary();
        if let Some(clock) = self.clock {
            clock.give(&mut command);
        }
        let child = command
            .arg("run")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Proxy::adopt(child, ports, self.origins, directory).await
    }
}
