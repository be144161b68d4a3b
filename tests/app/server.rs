//! Starts the real binary on a free port, listens to its log, and sends it signals.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::{Client, Response};

/// Whatever takes longer has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running server with its own data directory; killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: Receiver<String>,
    pub(crate) address: String,
    metrics: String,
    pub(crate) data: TempDir,
}

impl Server {
    /// On a free port of 127.0.0.1, with metrics on another.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further options, which may also replace `--bind`.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = binary();
        command
            .args(["serve", "--metrics", "127.0.0.1:0", "--data"])
            .arg(data.path().join("data"));
        if !options.contains(&"--bind") {
            command.args(["--bind", "127.0.0.1:0"]);
        }
        let mut child = command
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = lines(child.stderr.take().unwrap());
        let line = await_line(&log, "listening on ");
        let (address, metrics) = line
            .split_once("listening on ")
            .unwrap()
            .1
            .split_once(" metrics=")
            .unwrap();
        Self {
            child,
            log,
            address: address.to_owned(),
            metrics: metrics.to_owned(),
            data,
        }
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    /// One GET on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().get(path, &[])
    }

    /// One GET on the port of the metrics.
    pub(crate) fn get_metrics(&self, path: &str) -> Response {
        Client::connect(&self.metrics).get(path, &[])
    }

    /// Waits until the log has a line with these words.
    pub(crate) fn await_line(&self, words: &str) -> String {
        await_line(&self.log, words)
    }

    /// Waits until this many requests are being answered.
    pub(crate) fn await_in_flight(&self, requests: usize) {
        let gauge = format!("\nsimplon_app_requests_in_flight {requests}\n");
        until(|| self.get_metrics("/metrics").text().contains(&gauge));
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end of the process; its log ends with it.
    pub(crate) fn await_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self
                .log
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("the server does not end"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

fn await_line(log: &Receiver<String>, words: &str) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match log.recv_timeout(left) {
            Ok(line) if line.contains(words) => return line,
            Ok(_) => {}
            Err(end) => panic!("no line with {words:?} in the log: {end}"),
        }
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    binary().args(arguments).output().unwrap()
}

/// Asks again and again until the answer is yes.
fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come true in time");
        thread::yield_now();
    }
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simplon-app"));
    command.env_remove("RUST_LOG");
    command
}

/// Reads lines on a thread of its own, so that waiting for one can have a deadline.
fn lines(stderr: std::process::ChildStderr) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
