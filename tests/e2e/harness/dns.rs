//! A DNS server that answers what a test wants: `pebble-challtestsrv`, and the hook that writes to it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{Client, Message, free_port, in_time, tool, until};

/// The server. Every name has the address 127.0.0.1, until a test says otherwise.
pub(crate) struct Dns {
    address: SocketAddr,
    management: u16,
    _child: Child,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let management = free_port();
        let program = tool("pebble/usr/bin/pebble-challtestsrv");
        let help = Command::new(&program).arg("-h").output().await.unwrap();
        // Debian 12's version has another flag for this, and no DNS over HTTPS.
        let is_old = String::from_utf8_lossy(&help.stderr).contains("-dns01");
        let listen: &[&str] = if is_old {
            &["-dns01"]
        } else {
            &["-doh", "", "-dnsserver"]
        };
        let child = Command::new(program)
            .args(listen)
            .arg(address.to_string())
            .args(["-management", &format!("127.0.0.1:{management}")])
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        for port in [address.port(), management] {
            until("the DNS server is ready", async || {
                Client::try_connect(port).await.is_ok()
            })
            .await;
        }
        Self {
            address,
            management,
            _child: child,
        }
    }

    /// Where it answers, by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a text to a name.
    pub(crate) async fn set_txt(&self, name: &str, value: &str) {
        let body = json!({ "host": absolute(name), "value": value });
        self.post("/set-txt", &body).await;
    }

    /// Takes every text off a name.
    pub(crate) async fn clear_txt(&self, name: &str) {
        self.post("/clear-txt", &json!({ "host": absolute(name) }))
            .await;
    }

    /// Answers SERVFAIL for a name.
    pub(crate) async fn set_servfail(&self, name: &str) {
        self.post("/set-servfail", &json!({ "host": absolute(name) }))
            .await;
    }

    /// Answers for that name again.
    pub(crate) async fn clear_servfail(&self, name: &str) {
        self.post("/clear-servfail", &json!({ "host": absolute(name) }))
            .await;
    }

    /// How often it was asked for the texts of a name.
    pub(crate) async fn asked(&self, name: &str) -> usize {
        const TXT: u64 = 16;
        let body = json!({ "host": name.trim_end_matches('.') });
        let events = self.post("/dns-request-history", &body).await.json();
        let asks_for_text = |event: &&Value| event["Question"]["Qtype"].as_u64() == Some(TXT);
        let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
        events.iter().filter(asks_for_text).count()
    }

    /// A hook that writes here.
    pub(crate) fn hook(&self) -> Hook {
        let room = tempfile::tempdir().unwrap();
        let server = format!("127.0.0.1:{}\n", self.management);
        std::fs::write(room.path().join("server"), server).unwrap();
        Hook { room }
    }

    async fn post(&self, path: &str, body: &Value) -> Message {
        let mut client = Client::connect(self.management).await;
        let body = body.to_string();
        let answer = client.ask("POST", path, &[], body.as_bytes()).await;
        assert_eq!(answer.status(), 200, "{path} {body}: {answer:?}");
        answer
    }
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/e2e/harness/dns-hook");

/// The program `dns-hook`, with a room of its own.
pub(crate) struct Hook {
    room: TempDir,
}

impl Hook {
    /// The command with its first argument. Printed with `{:?}` it is a list in YAML.
    pub(crate) fn command(&self) -> [String; 2] {
        [PROGRAM.to_owned(), self.room.path().display().to_string()]
    }

    /// Runs it as a proxy would, and gives its exit status.
    pub(crate) async fn run(&self, verb: &str, name: &str, value: &str) -> Option<i32> {
        let [program, room] = self.command();
        let mut hook = Command::new(program);
        hook.args([&room, verb, name, value])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        in_time("the hook ends", hook.status())
            .await
            .unwrap()
            .code()
    }

    /// From now on it misbehaves: `fail` or `slow SECONDS`; with nothing it behaves again.
    pub(crate) fn mood(&self, mood: &str) {
        std::fs::write(self.room.path().join("mood"), format!("{mood}\n")).unwrap();
    }

    /// How it was called so far: `present NAME VALUE` or `cleanup NAME VALUE`.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::fs::read_to_string(self.room.path().join("calls"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}
