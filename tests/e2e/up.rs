//! `simplon up`: the whole stack from one command, ended by Ctrl-C.

use std::{path::PathBuf, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::harness::{Client, Log, binary, free_port, in_time, simplon, until};

/// The stack on ports of its own, in a directory of its own.
struct Stack {
    child: Child,
    http: u16,
    stats: u16,
    options: Vec<String>,
    output: Log,
    errors: Log,
    directory: tempfile::TempDir,
}

impl Stack {
    async fn up() -> Self {
        build_application().await;
        let directory = tempfile::tempdir().unwrap();
        let ports: [u16; 5] = std::array::from_fn(|_| free_port());
        let [http, https, stats, one, other] = ports;
        let options = [
            format!("--http={http}"),
            format!("--https={https}"),
            format!("--stats={stats}"),
            format!("--app={one},{other}"),
        ];
        let mut child = binary()
            .arg("up")
            .args(&options)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = Log::of(child.stdout.take().unwrap());
        let errors = Log::of(child.stderr.take().unwrap());
        let stack = Self {
            http,
            stats,
            options: options.into(),
            output,
            errors,
            directory,
            child,
        };
        stack.output.await_line("Ctrl-C ends everything").await;
        stack
    }

    async fn client(&self) -> Client {
        Client::connect(self.http).await
    }

    async fn get(&self, path: &str) -> String {
        self.client().await.get(path).await.text().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap()
    }

    /// The application servers, by their parent.
    fn servers(&self) -> Vec<Pid> {
        let parent = format!("PPid:\t{}", self.pid().as_raw_nonzero());
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                std::fs::read_to_string(format!("/proc/{pid}/status"))
                    .is_ok_and(|status| status.lines().any(|line| line == parent))
            })
            .filter_map(Pid::from_raw)
            .collect()
    }
}

/// The application server is another package's program: built beside ours by `cargo test --workspace`,
/// and by this where our tests run alone.
async fn build_application() {
    let beside = PathBuf::from(env!("CARGO_BIN_EXE_simplon")).with_file_name("simplon-app");
    if !beside.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "simplon-app"])
            .status();
        assert!(built.await.unwrap().success());
    }
}

fn is_alive(pid: Pid) -> bool {
    rustix::process::test_kill_process(pid).is_ok()
}

#[tokio::test]
async fn one_command_brings_up_edge_and_application() {
    let mut stack = Stack::up().await;
    assert!(stack.get("/").await.contains("Simplon"));
    assert_eq!(stack.get("/api/health/live").await, r#"{"status":"ok"}"#);
    assert!(stack.get("/api/echo").await.contains("x-forwarded-for"));
    let mut stats = Client::connect(stack.stats).await;
    stats
        .send("GET /stats HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    assert!(stats.response().await.text().contains("api"));
    for file in ["simplon.yaml", "dev-ca.pem", "control.sock"] {
        assert!(
            stack.directory.path().join("var").join(file).exists(),
            "{file}"
        );
    }

    let servers = stack.servers();
    assert_eq!(servers.len(), 2);
    stack.signal(Signal::INT);
    let ended = in_time("Ctrl-C ends it", stack.child.wait()).await;
    assert_eq!(ended.unwrap().code(), Some(0));
    assert!(
        !servers.into_iter().any(is_alive),
        "a server outlived the stack"
    );
}

#[tokio::test]
async fn a_server_that_dies_is_started_again_and_costs_no_request() {
    let stack = Stack::up().await;
    let [victim, _] = stack.servers()[..] else {
        panic!("there are two servers");
    };
    kill_process(victim, Signal::KILL).unwrap();
    for _ in 0..20 {
        assert_eq!(stack.get("/api/health/live").await, r#"{"status":"ok"}"#);
    }
    stack.errors.await_line("starting it again").await;
    until("there are two servers again", async || {
        let servers = stack.servers();
        servers.len() == 2 && !servers.contains(&victim)
    })
    .await;
}

#[tokio::test]
async fn a_stack_that_is_killed_leaves_no_server_behind() {
    let mut stack = Stack::up().await;
    let servers = stack.servers();
    assert_eq!(servers.len(), 2);
    stack.child.kill().await.unwrap();
    until("the servers are gone", async || {
        !servers.iter().copied().any(is_alive)
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_told_before_anything_starts() {
    let stack = Stack::up().await;
    let again = simplon(&format!("up {}", stack.options.join(" "))).await;
    assert_eq!(again.code, Some(1));
    let taken = format!(
        "cannot listen on 0.0.0.0:{}: another process uses this port",
        stack.http
    );
    assert!(again.errors.contains(&taken), "{}", again.errors);
    assert!(again.errors.contains("--http PORT"), "{}", again.errors);
    assert!(!again.errors.contains("listening on"), "{}", again.errors);
}
