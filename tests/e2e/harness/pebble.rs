//! Pebble, an ACME server for tests, as the authority of a proxy.

use std::{fs::File, path::PathBuf, process::Stdio};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    Certificates, Client, Dns, Message, Ports, Terms, Trust, Wire, free_port, shake_hands, tool,
    until,
};

/// A running Pebble and its DNS server, killed when dropped; a failed test shows its log.
pub(crate) struct Pebble {
    child: Option<Child>,
    terms: Terms,
    edge: Ports,
    api: u16,
    management: u16,
    dns: Dns,
    directory: TempDir,
    trust: Trust,
}

impl Pebble {
    pub(crate) const KEY_ID: &'static str = "kid-1";
    pub(crate) const HMAC_BYTES: &'static [u8] = b"a key of 32 bytes, for tests onl";
    /// The same as authorities hand it out: in base64url without padding.
    pub(crate) const HMAC_KEY: &'static str = "YSBrZXkgb2YgMzIgYnl0ZXMsIGZvciB0ZXN0cyBvbmw";

    /// Starts both. [`super::Setup::certified_by`] puts a proxy on the ports it validates at.
    pub(crate) async fn start(terms: Terms) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificates = Certificates::new();
        certificates.write(directory.path(), "api", &["localhost", "127.0.0.1"]);
        let mut pebble = Self {
            child: None,
            terms,
            edge: Ports::free(),
            api: free_port(),
            management: free_port(),
            dns: Dns::start().await,
            trust: certificates.trust(directory.path()),
            directory,
        };
        pebble.start_again().await;
        pebble
    }

    /// Ends Pebble; its DNS server goes on.
    pub(crate) async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    /// Starts it once more at the same address, where it remembers no account, order or certificate,
    /// and issues from a new root.
    pub(crate) async fn start_again(&mut self) {
        self.stop().await;
        let file = self.directory.path().join("pebble.json");
        let terms = self
            .terms
            .written(self.edge, self.api, self.management, self.directory.path());
        std::fs::write(&file, terms.to_string()).unwrap();
        let log = File::create(self.log_file()).unwrap();
        let child = Command::new(tool("pebble/usr/bin/pebble"))
            .arg("-strict")
            .arg("-config")
            .arg(file)
            .args(["-dnsserver", &self.dns.address().to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_AUTHZREUSE", self.terms.reuse.to_string())
            .env(
                "PEBBLE_WFE_NONCEREJECT",
                self.terms.nonces_rejected.to_string(),
            )
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
        for port in [self.api, self.management] {
            until("Pebble is ready", async || {
                Client::try_connect(port).await.is_ok()
            })
            .await;
        }
    }

    /// The URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.api)
    }

    /// A file with the authority of its *API*, which is not the one it issues from.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// Trust in that authority.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Trust in whom it issues from, until it starts again.
    pub(crate) async fn issued_by(&self) -> Trust {
        let answer = self.ask(self.management, "GET", "/roots/0", b"").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        Trust::in_certificate(CertificateDer::from_pem_slice(&answer.body).unwrap())
    }

    /// The ports at which it validates.
    pub(crate) fn ports(&self) -> Ports {
        self.edge
    }

    /// Where it answers.
    pub(super) fn api(&self) -> u16 {
        self.api
    }

    /// Where it is told things that no client may say.
    pub(super) fn management(&self) -> u16 {
        self.management
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The text with `$acme` and `$root` replaced.
    pub(crate) fn name_in(&self, text: &str) -> String {
        text.replace("$acme", &self.directory())
            .replace("$root", self.root().to_str().unwrap())
    }

    pub(crate) fn dns(&self) -> &Dns {
        &self.dns
    }

    /// Whether it knows renewal information (RFC 9773) and profiles, as Debian 12's version does not.
    pub(super) async fn is_recent(&self) -> bool {
        let answer = self.ask(self.api, "GET", "/dir", b"").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer.json().get("renewalInfo").is_some()
    }

    async fn ask(&self, port: u16, method: &str, path: &str, body: &[u8]) -> Message {
        let stream = shake_hands(port, "localhost", &["http/1.1"], &self.trust).await;
        let mut client = Client::new(Wire::new(stream.unwrap()));
        let host = format!("host: localhost:{port}");
        // Nobody without a name is answered (RFC 8555 section 6.1).
        let lines = [&host, "user-agent: tests"];
        client.ask(method, path, &lines, body).await
    }

    /// How many orders were placed since it was started last; refused ones are none.
    pub(crate) fn orders(&self) -> usize {
        self.logged("Added order ")
    }

    /// How many authorizations it was asked to validate since, by whatever challenge.
    pub(crate) fn validations(&self) -> usize {
        self.logged("Pulled a task from the Tasks queue")
    }

    /// How many requests it sent over HTTP since to validate a name. It sends three a validation; how
    /// often it asks the DNS is known to [`Dns::asked`].
    pub(crate) fn requests(&self, host: &str) -> usize {
        self.logged(&format!("w/ HTTP: http://{host}:"))
    }

    /// How many certificates it has issued since.
    pub(crate) fn certificates(&self) -> usize {
        self.logged("Issued certificate ")
    }

    /// How many lines of its log have these words. What it did before it answered is there already.
    pub(crate) fn logged(&self, words: &str) -> usize {
        let log = self.log();
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// What it has written since it was started last.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.len().saturating_sub(40);
            eprintln!("--- log of Pebble\n{}", lines[tail..].join("\n"));
        }
    }
}
