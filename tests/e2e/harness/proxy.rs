//! The real binary with a configuration, a directory and ports of its own.

use std::{collections::BTreeMap, path::PathBuf, process::ExitStatus, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Child;

use super::{
    Client, Clock, Message, Origin, Ports, Setup,
    command::{Ended, run},
    in_time,
    log::Log,
    text,
    tls::{Trust, shake_hands},
    until,
    wire::Wire,
};

/// A running proxy, ready for requests. Killed when dropped; a failed test shows its log.
pub(crate) struct Proxy {
    child: Child,
    errors: Log,
    output: Log,
    ports: Ports,
    origins: Vec<String>,
    directory: TempDir,
}

impl Proxy {
    /// One upstream, `web`, with these origins, and one route to it for everything.
    pub(crate) async fn in_front_of(origins: &[&Origin]) -> Self {
        let servers: Vec<String> = (1..=origins.len()).map(|nth| format!("${nth}")).collect();
        let text = format!(
            "upstreams: {{ web: {{ servers: [{}] }} }}\nroutes: [{{ upstream: web }}]\n",
            servers.join(", ")
        );
        Self::with(&text, origins).await
    }

    /// With a configuration as `text.rs` reads it. Waits until the proxy is ready.
    pub(crate) async fn with(text: &str, origins: &[&Origin]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::in_directory(directory, text, origins).await
    }

    /// As [`Proxy::with`], in a directory that may have been another proxy's.
    pub(crate) async fn in_directory(directory: TempDir, text: &str, origins: &[&Origin]) -> Self {
        Setup::of(text)
            .before(origins)
            .kept_in(directory)
            .start()
            .await
    }

    /// Takes over a process that has just been started, and waits until it is ready.
    pub(super) async fn adopt(
        mut child: Child,
        ports: Ports,
        origins: Vec<String>,
        directory: TempDir,
    ) -> Self {
        let proxy = Self {
            errors: Log::of(child.stderr.take().unwrap()),
            output: Log::of(child.stdout.take().unwrap()),
            child,
            ports,
            origins,
            directory,
        };
        until("the proxy is ready", async || {
            assert!(!proxy.errors.has("error:"), "the proxy does not start");
            proxy.is_ready().await
        })
        .await;
        proxy
    }

    /// A new connection to the plain listener.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.ports.http).await
    }

    /// A new connection with TLS for `name`, speaking HTTP/1.1.
    pub(crate) async fn tls_client(&self, name: &str) -> Client {
        let stream = shake_hands(self.https(), name, &["http/1.1"], &self.trust()).await;
        Client::new(Wire::new(stream.unwrap()))
    }

    /// A new connection with TLS for `name`, speaking HTTP/2.
    pub(crate) async fn h2_client(&self, name: &str) -> super::Http2 {
        let stream = shake_hands(self.https(), name, &["h2"], &self.trust()).await;
        super::Http2::over(stream.unwrap()).await
    }

    /// Trust in the development CA of this proxy.
    pub(crate) fn trust(&self) -> Trust {
        Trust::in_file(&self.state().join("dev-ca.pem"))
    }

    /// One GET on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Message {
        self.client().await.get(path).await
    }

    /// One GET on the admin endpoint; nothing if nobody answers there.
    pub(crate) async fn admin(&self, path: &str) -> Option<Message> {
        let mut client = Client::try_connect(self.ports.admin).await.ok()?;
        let asked = client.try_ask("GET", path, &["host: localhost"], b"").await;
        asked.ok()
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.admin("/ready")
            .await
            .is_some_and(|answer| answer.status() == 200)
    }

    /// The value of the one series with this name and these labels; nothing if there is none.
    pub(crate) async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        let answer = self.admin("/metrics").await?;
        let mut found = answer
            .text()
            .lines()
            .filter(|line| is_series(line, name, labels));
        let line = found.next()?;
        assert_eq!(found.next(), None, "more than one series like {line}");
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until a series has this value.
    pub(crate) async fn await_metric(&self, name: &str, labels: &[(&str, &str)], value: u64) {
        let what = format!("{name}{labels:?} is {value}");
        until(&what, async || {
            self.metric(name, labels).await == Some(value)
        })
        .await;
    }

    /// Waits for an access log line about which `is_it` is true.
    pub(crate) async fn logged(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = || self.access_log().into_iter().find(|line| is_it(line));
        until("a line of the access log", async || found().is_some()).await;
        found().unwrap()
    }

    /// Every line of the access log so far.
    pub(crate) fn access_log(&self) -> Vec<Value> {
        let lines = self.output.lines();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Standard error so far.
    pub(crate) fn errors(&self) -> &Log {
        &self.errors
    }

    /// Standard output so far.
    pub(crate) fn output(&self) -> &Log {
        &self.output
    }

    /// Writes another configuration, with the same names for the same things.
    pub(crate) fn rewrite(&self, text: &str) {
        let config = text::complete(text, &self.origins, self.ports, self.directory.path());
        std::fs::write(self.file(), config).unwrap();
    }

    /// Reloads by signal, and waits until the new configuration is in use.
    pub(crate) async fn reload(&self) {
        assert!(self.reloads_well().await, "the reload was refused");
    }

    /// Reloads by signal, and waits until the new configuration is refused.
    pub(crate) async fn reload_in_vain(&self) {
        assert!(!self.reloads_well().await, "the reload was not refused");
    }

    async fn reloads_well(&self) -> bool {
        let count = async |result| {
            let labels = [("result", result)];
            self.metric("simplon_config_reloads_total", &labels)
                .await
                .unwrap_or(0)
        };
        let before = (count("success").await, count("failure").await);
        self.signal(Signal::HUP);
        until("the reload ends", async || {
            (count("success").await, count("failure").await) != before
        })
        .await;
        count("success").await > before.0
    }

    /// Runs `simplon COMMAND -c FILE` with this proxy's file.
    pub(crate) async fn command(&self, command: &str) -> Ended {
        let file = self.file();
        run(&[command, "-c", file.to_str().unwrap()]).await
    }

    /// The workers by name, and how long each has had a processor so far.
    pub(crate) fn workers(&self) -> BTreeMap<String, Duration> {
        let tasks = format!("/proc/{}/task", self.id());
        let named = std::fs::read_dir(tasks).unwrap().filter_map(|task| {
            let read = |file| std::fs::read_to_string(task.as_ref().ok()?.path().join(file)).ok();
            let (name, times) = (read("comm")?, read("schedstat")?);
            let nanoseconds = times.split(' ').next()?.parse().ok()?;
            Some((
                name.trim_end().to_owned(),
                Duration::from_nanos(nanoseconds),
            ))
        });
        named
            .filter(|(name, _)| name.starts_with("simplon-w"))
            .collect()
    }

    /// Bytes of memory that the process holds just now.
    pub(crate) fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = held
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        kib << 10
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the proxy has ended")
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap()
    }

    /// No file that it writes can have more bytes from now on, as on a disk that is full.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = in_time("the proxy ends", self.child.wait()).await.unwrap();
        self.errors.await_end().await;
        self.output.await_end().await;
        status
    }

    /// Whether the process has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends the proxy and leaves what it kept to another.
    pub(crate) async fn leave(mut self) -> TempDir {
        self.child.kill().await.unwrap();
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("simplon.yaml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.directory.path().join("control.sock")
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn http(&self) -> u16 {
        self.ports.http
    }

    pub(crate) fn https(&self) -> u16 {
        self.ports.https
    }

    pub(crate) fn admin_port(&self) -> u16 {
        self.ports.admin
    }

    pub(crate) fn other(&self) -> u16 {
        self.ports.other
    }
}

fn is_series(line: &str, name: &str, labels: &[(&str, &str)]) -> bool {
    let Some(rest) = line.strip_prefix(name) else {
        return false;
    };
    let has = |(label, value): &(&str, &str)| {
        let pair = format!("{label}=\"{value}\"");
        rest.contains(&format!("{{{pair}")) || rest.contains(&format!(",{pair}"))
    };
    rest.starts_with([' ', '{']) && labels.iter().all(has)
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(id) = self.child.id() {
            Clock::forget(id);
        }
        if std::thread::panicking() {
            for (name, log) in [("error", &self.errors), ("output", &self.output)] {
                let lines = log.lines();
                let tail = lines.len().saturating_sub(20);
                eprintln!(
                    "--- standard {name} of the proxy\n{}",
                    lines[tail..].join("\n")
                );
            }
        } else {
            let panic = self.errors.find("panicked");
            assert!(panic.is_none(), "in the proxy: {}", panic.unwrap());
        }
    }
}
