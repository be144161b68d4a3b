//! The proxies: where they are found, and how each is started.

mod files;
mod installed;

use std::{fmt, path::PathBuf};

use rustix::process::Signal;
use tokio::process::Command;

pub(crate) use self::installed::in_path;
use crate::{core, field::Field, outcome::Outcome, program::Program, setup::Setup};

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Simplon,
    /// The same, built for loads like these (`benches/pgo`).
    Profiled,
    Nginx,
    Haproxy,
    Caddy,
    Relay,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simplon => "Simplon",
            Self::Profiled => "profiled",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::Relay => "relay",
        })
    }
}

impl Kind {
    pub(crate) fn is_simplon(self) -> bool {
        matches!(self, Self::Simplon | Self::Profiled)
    }
}

/// A proxy that is installed.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub kind: Kind,
    pub program: PathBuf,
    pub version: String,
}

impl Peer {
    /// Starts it in a folder of its own, and returns once it accepts.
    pub(crate) async fn start(&self, field: &Field, setup: &Setup) -> Outcome<Running> {
        let (http, https, admin) = (field.port()?, field.port()?, field.port()?);
        let folder = field.folder(&format!("{}-{}", self.kind, http.port()))?;
        let mut running = Running {
            peer: self.clone(),
            setup: setup.clone(),
            http,
            https,
            admin,
            program: None,
            folder,
        };
        files::write(field, &running)?;
        let mut program = Program::start(
            &self.kind.to_string(),
            &mut self.command(field, &running),
            &running.folder.join("out.log"),
        )?;
        program.listens(http).await?;
        if self.kind != Kind::Relay {
            program.listens(https).await?;
        }
        running.program = Some(program);
        Ok(running)
    }

    fn command(&self, field: &Field, running: &Running) -> Command {
        let file = running.folder.join(files::name(self.kind));
        let mut command = core::pinned(&core::of_workers(running.setup.workers), &self.program);
        match self.kind {
            Kind::Simplon | Kind::Profiled => command.arg("run").arg("-c").arg(file),
            Kind::Nginx => command.arg("-p").arg(&running.folder).arg("-c").arg(file),
            // The master, which a reload needs, is only there where routes are reloaded.
            Kind::Haproxy if running.setup.routes > 0 => {
                command.args(["-W", "-db", "-f"]).arg(file)
            }
            Kind::Haproxy => command.args(["-db", "-f"]).arg(file),
            Kind::Caddy => command
                .env("GOMAXPROCS", running.setup.workers.to_string())
                .env("HOME", &running.folder)
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(file),
            Kind::Relay => command
                .arg("relay")
                .arg(running.http.to_string())
                .arg(field.origin.address.to_string()),
        };
        command
    }
}

/// A proxy that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub peer: Peer,
    pub setup: Setup,
    pub http: std::net::SocketAddr,
    pub https: std::net::SocketAddr,
    pub admin: std::net::SocketAddr,
    pub folder: PathBuf,
    program: Option<Program>,
}

impl Running {
    pub(crate) fn kind(&self) -> Kind {
        self.peer.kind
    }

    /// The host that a request names: of the last route, where each has its own.
    pub(crate) fn last_host(&self) -> String {
        match self.setup.routes {
            0 => "localhost".to_owned(),
            routes => files::host(routes - 1),
        }
    }

    /// Its process group.
    pub(crate) fn group(&self) -> i32 {
        self.program.as_ref().map_or(0, Program::group)
    }

    /// Has it read a configuration with one more route, to the host `fresh`.
    pub(crate) fn reload(&self, field: &Field, fresh: &str) -> Outcome<Option<Command>> {
        files::write_routes(field, self, Some(fresh))?;
        let program = self.program.as_ref().ok_or("it does not run")?;
        match self.kind() {
            Kind::Simplon | Kind::Profiled | Kind::Nginx => program.tell(Signal::HUP)?,
            Kind::Haproxy => program.tell(Signal::USR2)?,
            Kind::Caddy => {
                let mut command = core::pinned(&core::LOAD.to_string(), &self.peer.program);
                command
                    .args(["reload", "--adapter", "caddyfile", "--force", "--address"])
                    .arg(self.admin.to_string())
                    .arg("--config")
                    .arg(self.folder.join(files::name(Kind::Caddy)));
                return Ok(Some(command));
            }
            Kind::Relay => {}
        }
        Ok(None)
    }
}
