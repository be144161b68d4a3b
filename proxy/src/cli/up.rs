//! `simplon up`: the whole stack on this machine.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use rustls::NoKeyLog;
use tokio::net::TcpStream;

use super::{print, run, tell};
use crate::{
    config::{self, Loaded},
    listen::{self, Workers},
    observe::{Events, panics},
    process::{Children, Edge, Program, Signals, Source},
};

/// What is run, with a place for each port; also an example in `conf`.
const TEMPLATE: &str = include_str!("../../../conf/up.yaml");
/// How long an application server may take until it accepts.
const STARTING: Duration = Duration::from_secs(10);

/// Try the whole stack on this machine
///
/// Starts the edge, two application servers behind it, and a development certificate, with all data in
/// one directory. A server that dies is started again. Ctrl-C ends everything.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Up {
    /// Port for HTTP
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http: u16,
    /// Port for HTTPS
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    https: u16,
    /// Port for the stats page and metrics, on 127.0.0.1
    #[arg(long, value_name = "PORT", default_value_t = 8404)]
    stats: u16,
    /// Ports of the two application servers, on 127.0.0.1
    #[arg(long, value_name = "PORT,PORT", default_value = "9001,9002", value_parser = two_ports)]
    app: [u16; 2],
    /// Where data goes
    #[arg(long, value_name = "DIR", default_value = "var")]
    dir: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  simplon up
  simplon up --http 9080 --https 9443    on other ports
  simplon up --dir /tmp/simplon          with its data elsewhere";

impl Up {
    pub(super) fn execute(self) -> u8 {
        match self.prepare() {
            Ok((program, loaded)) => self.serve(&program, loaded),
            Err(message) => {
                tell(format_args!("error: {message}"));
                1
            }
        }
    }

    /// Everything that can go wrong before the first process is started.
    fn prepare(&self) -> Result<(PathBuf, Loaded), String> {
        let program = application()?;
        self.try_ports()?;
        let written = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir);
        written
            .and_then(|()| fs::write(self.config(), self.fill_in(TEMPLATE)))
            .map_err(|error| format!("cannot write {}: {error}\n  hint: `simplon up --dir DIR` chooses another directory", self.config().display()))?;
        let loaded = config::load(&self.config()).map_err(|report| report.to_string())?;
        Ok((program, loaded))
    }

    /// Says which port is taken before anything is started.
    fn try_ports(&self) -> Result<(), String> {
        let [one, other] = self.app;
        let ports = [
            (Ipv4Addr::UNSPECIFIED, self.http, "--http PORT"),
            (Ipv4Addr::UNSPECIFIED, self.https, "--https PORT"),
            (Ipv4Addr::LOCALHOST, self.stats, "--stats PORT"),
            (Ipv4Addr::LOCALHOST, one, "--app PORT,PORT"),
            (Ipv4Addr::LOCALHOST, other, "--app PORT,PORT"),
        ];
        for (host, port, option) in ports {
            let address = SocketAddr::from((host, port));
            TcpListener::bind(address).map_err(|error| {
                let why = listen::why(address, &error);
                format!("{why}\n  hint: `simplon up {option}` chooses another one")
            })?;
        }
        Ok(())
    }

    fn config(&self) -> PathBuf {
        self.dir.join("simplon.yaml")
    }

    fn fill_in(&self, template: &str) -> String {
        let directory = std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone());
        let mut filled = template
            .replace("${HTTP:-8080}", &self.http.to_string())
            .replace("${HTTPS:-8443}", &self.https.to_string())
            .replace("${STATS:-8404}", &self.stats.to_string())
            .replace("${DIR:-var}", &directory.display().to_string());
        for (port, place) in self.app.iter().zip(["${APP_1:-9001}", "${APP_2:-9002}"]) {
            filled = filled.replace(place, &port.to_string());
        }
        filled
    }

    fn serve(&self, program: &Path, loaded: Loaded) -> u8 {
        let events = run::messages();
        panics::watch();
        let (runtime, workers) = match run::threads(&loaded.config) {
            Ok(threads) => threads,
            Err(error) => {
                tell(format_args!("cannot start worker threads: {error}"));
                return 1;
            }
        };
        let status = runtime.block_on(self.run(program, loaded, events, workers));
        runtime.shutdown_background();
        status
    }

    async fn run(
        &self,
        program: &Path,
        loaded: Loaded,
        events: Arc<Events>,
        workers: Workers,
    ) -> u8 {
        let mut signals = match Signals::install() {
            Ok(signals) => signals,
            Err(error) => {
                tell(format_args!("cannot take signals: {error}"));
                return 1;
            }
        };
        let servers = self
            .app
            .iter()
            .map(|port| self.application_server(program, *port));
        let children = Children::start(servers);
        let started = async {
            for port in &self.app {
                await_server(*port).await;
            }
        };
        let stopped = tokio::select! {
            () = started => false,
            () = signals.stop() => true,
        };
        if stopped {
            children.stop().await;
            return 0;
        }
        let status = match Edge::start(
            Source::Trial(self.config()),
            loaded,
            Arc::new(NoKeyLog),
            events,
            workers,
        )
        .await
        {
            Ok(running) => {
                print(self.welcome());
                running.serve(signals).await;
                0
            }
            Err(error) => run::not_started(&error),
        };
        children.stop().await;
        status
    }

    fn application_server(&self, program: &Path, port: u16) -> Program {
        let data = self.dir.join(format!("app-{port}"));
        let arguments = [
            "serve".into(),
            "--bind".into(),
            format!("127.0.0.1:{port}").into(),
            "--data".into(),
            data.into_os_string(),
            "--until-stdin-closes".into(),
        ];
        Program {
            name: format!("simplon-app on {port}"),
            path: program.to_owned(),
            arguments: arguments.into(),
        }
    }

    fn welcome(&self) -> String {
        let Self {
            http,
            https,
            stats,
            dir,
            ..
        } = self;
        let dir = dir.display();
        format!(
            "
  Simplon is up.

    http://127.0.0.1:{http}/          the front end
    https://127.0.0.1:{https}/         the same over TLS and HTTP/2 ({dir}/dev-ca.pem is the CA)
    http://127.0.0.1:{stats}/stats     live state, /metrics for Prometheus

  Try:

    curl http://127.0.0.1:{http}/api/health/ready
    curl -k --http2 https://127.0.0.1:{https}/api/echo
    tail -f {dir}/access.log
    simplon reload --control {dir}/control.sock     after changing {dir}/simplon.yaml

  Ctrl-C ends everything.
"
        )
    }
}

fn two_ports(text: &str) -> Result<[u16; 2], String> {
    let ports = text
        .split_once(',')
        .map(|(one, other)| (one.parse(), other.parse()));
    match ports {
        Some((Ok(one), Ok(other))) if one != other => Ok([one, other]),
        _ => Err("give two different ports, such as 9001,9002".to_owned()),
    }
}

/// The application server's program: beside this one, as the build puts it.
fn application() -> Result<PathBuf, String> {
    let beside = std::env::current_exe()
        .map(|this| this.with_file_name("simplon-app"))
        .map_err(|error| format!("cannot tell where this program is: {error}"))?;
    if beside.is_file() {
        return Ok(beside);
    }
    Err(format!(
        "there is no {}\n  hint: `cargo build --release` makes both programs",
        beside.display()
    ))
}

/// Waits until the server accepts. One that does not is left to the health checks.
async fn await_server(port: u16) {
    let accepts = async {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(STARTING, accepts).await.is_err() {
        tracing::warn!("the application server on port {port} does not accept yet");
    }
}
