//! A real Redis server, to be asked, stalled, killed and started again.

use std::{path::PathBuf, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use super::{free_port, in_time, until};

/// Keeps nothing on disk. Killed when dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    options: Vec<String>,
    directory: TempDir,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more on its command line, in which `$dir` stands for its directory.
    pub(crate) async fn with(options: &[&str]) -> Self {
        Self::in_directory(tempfile::tempdir().unwrap(), options).await
    }

    pub(crate) async fn in_directory(directory: TempDir, options: &[&str]) -> Self {
        let port = free_port();
        let path = directory.path().to_str().unwrap();
        let options: Vec<_> = options.iter().map(|it| it.replace("$dir", path)).collect();
        let child = run(port, &options, &directory);
        let redis = Self {
            child,
            port,
            options,
            directory,
        };
        redis.listens().await;
        redis
    }

    /// Ends it at once, with all it held.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again after [`Self::kill`], in the same place and empty.
    pub(crate) async fn start_again(&mut self) {
        self.child = run(self.port, &self.options, &self.directory);
        self.listens().await;
    }

    /// It answers nobody any more, and closes nothing.
    pub(crate) fn stall(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub(crate) fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// What it answers to a command, as text.
    pub(crate) async fn ask(&self, words: &[&str]) -> String {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let mut stream = BufReader::new(stream);
        let words = words.iter();
        let words = words.map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let words: Vec<_> = words.collect();
        let command = format!("*{}\r\n{}", words.len(), words.concat());
        stream.write_all(command.as_bytes()).await.unwrap();
        in_time("Redis answers", answer(&mut stream)).await
    }

    /// A number that `INFO section` tells, or 0.
    pub(crate) async fn info(&self, section: &str, name: &str) -> u64 {
        let told = self.ask(&["INFO", section]).await;
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        let number = line.map(|line| line.trim_start_matches([':', '=']));
        let digits = number.map(|number| number.split([',', '\r']).next().unwrap());
        digits.map_or(0, |digits| digits.parse().unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    async fn listens(&self) {
        until("Redis listens", async || {
            TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
        })
        .await;
    }

    fn pid(&self) -> Pid {
        let id = self.child.id().expect("Redis has ended");
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }
}

/// As a configuration names it.
impl std::fmt::Display for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "redis://127.0.0.1:{}", self.port)
    }
}

fn run(port: u16, options: &[String], directory: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(directory.path())
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("redis-server: {error}; tests/run installs it"))
}

/// One answer of its protocol (RESP), with a line for each member of an array.
async fn answer(stream: &mut BufReader<TcpStream>) -> String {
    let mut left = 1;
    let mut lines = Vec::new();
    while left > 0 {
        left -= 1;
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        match kind {
            "*" => left += rest.parse::<usize>().unwrap(),
            "$" if rest == "-1" => lines.push(String::new()),
            "$" => {
                let mut text = vec![0; rest.parse::<usize>().unwrap() + 2];
                stream.read_exact(&mut text).await.unwrap();
                text.truncate(text.len() - 2);
                lines.push(String::from_utf8(text).unwrap());
            }
            _ => lines.push(rest.to_owned()),
        }
    }
    lines.join("\n")
}
