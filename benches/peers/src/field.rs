//! Where a run takes place: a folder that vanishes, the certificate, the server, and the tools of the load.

use std::{
    cell::Cell,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use tempfile::TempDir;

use crate::{certificate::Certificate, cli::Args, origin::Origin, outcome::Outcome, peer::in_path};

#[derive(Debug)]
pub(crate) struct Field {
    pub certificate: Certificate,
    pub origin: Origin,
    /// nginx's module for brotli, if it is installed.
    pub brotli: Option<PathBuf>,
    pub wrk: Option<PathBuf>,
    pub h2load: Option<PathBuf>,
    pub strace: Option<PathBuf>,
    /// How long a load lasts.
    pub seconds: f64,
    folder: TempDir,
    next_port: Cell<u16>,
    numbers: Cell<u64>,
}

/// Ports below those that Linux gives to outgoing connections, of which a load makes many.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

impl Field {
    pub(crate) async fn prepare(args: &Args) -> Outcome<Self> {
        let folder = tempfile::Builder::new()
            .prefix("simplon-peers")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()?;
        // nginx's workers read as another user where its master is the system's.
        let certificate = Certificate::make(folder.path())?;
        fs::write(
            folder.path().join("openssl.cnf"),
            include_str!("../conf/openssl.cnf"),
        )?;
        let spread = u16::try_from(std::process::id() % 8_000)?;
        let next_port = Cell::new(PORTS.start + spread);
        let origin = Origin::start(folder.path(), args.nginx.as_ref(), free(&next_port)?).await?;
        Ok(Self {
            certificate,
            origin,
            brotli: args.brotli.is_file().then(|| args.brotli.clone()),
            wrk: in_path("wrk"),
            h2load: in_path("h2load"),
            strace: in_path("strace"),
            seconds: f64::from(args.seconds),
            folder,
            next_port,
            numbers: Cell::new(0),
        })
    }

    /// A path in the folder of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a folder for one proxy.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// A number that this run has not used.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// An address at which nobody listens just now.
    pub(crate) fn port(&self) -> Outcome<SocketAddr> {
        free(&self.next_port)
    }
}

fn free(next: &Cell<u16>) -> Outcome<SocketAddr> {
    for _ in PORTS {
        let port = next.get();
        next.set(if port + 1 < PORTS.end {
            port + 1
        } else {
            PORTS.start
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err("no port is free".into())
}
