//! Stands before Pebble: remembers what a client of ACME asks of it, lets it wait where a test wants, and
//! knows of renewal information (RFC 9773) and profiles even if Pebble does not.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    Certificates, Client, Message, Origin, Pebble, Trust, Wire,
    acme_stub::{AcmeStub, window},
    request, shake_hands, until,
};

/// An address that leads to Pebble, and that Pebble takes for its own.
pub(crate) struct AcmeFront {
    origin: Origin,
    desk: Arc<Desk>,
    directory: TempDir,
    trust: Trust,
}

/// Where a request is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Pebble does not know of it yet.
    BeforePebble,
    /// Pebble has done what it was asked for, and the client does not know.
    AfterPebble,
}

#[derive(Clone, Copy)]
enum Gate {
    Open,
    OpenForOthers,
    Closed(&'static str, When),
}

struct Desk {
    /// Where Pebble answers clients, and tests.
    pebble: u16,
    management: u16,
    trust: Trust,
    /// Where Pebble is Debian 12's.
    stub: Option<AcmeStub>,
    /// Paths with what was said to them.
    asked: Mutex<Vec<(String, Value)>>,
    gate: watch::Sender<Gate>,
    /// How many were held up since the gate was closed.
    held: AtomicUsize,
}

impl AcmeFront {
    pub(crate) async fn of(pebble: &Pebble) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificates = Certificates::new();
        certificates.write_authority(&directory.path().join("authority.pem"));
        let desk = Arc::new(Desk {
            pebble: pebble.api(),
            management: pebble.management(),
            trust: pebble.trust().clone(),
            stub: (!pebble.is_recent().await).then(|| AcmeStub::of(pebble.terms())),
            asked: Mutex::default(),
            gate: watch::Sender::new(Gate::Open),
            held: AtomicUsize::new(0),
        });
        let of_script = Arc::clone(&desk);
        let origin = Origin::scripted_with_tls(
            &certificates.handshake(&["localhost"]),
            move |head, wire| {
                let desk = Arc::clone(&of_script);
                async move { desk.serve(head, wire).await.ok() }
            },
        )
        .await;
        Self {
            origin,
            desk,
            trust: certificates.trust(directory.path()),
            directory,
        }
    }

    /// The text with `$front` and `$its_root` replaced.
    pub(crate) fn name_in(&self, text: &str) -> String {
        text.replace("$front", &self.directory())
            .replace("$its_root", self.root().to_str().unwrap())
    }

    /// The URL of the CA's directory here.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.origin.port())
    }

    /// A file with the authority of its API.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// Trust in that authority.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether the life of a certificate is that of its profile. Pebble has to know that, a stub cannot.
    pub(crate) fn profiles_have_lives(&self) -> bool {
        self.desk.stub.is_none()
    }

    /// What is answered from now on when asked for the renewal information of this certificate.
    pub(crate) async fn set_renewal_info(
        &self,
        certificate: &str,
        start: SystemTime,
        end: SystemTime,
    ) {
        let window = window(start, end);
        match &self.desk.stub {
            Some(stub) => stub.set_window(certificate, window),
            None => self.desk.set_at_pebble(certificate, &window).await,
        }
    }

    /// From now on what is asked below this path waits.
    pub(crate) fn hold(&self, path: &'static str, when: When) {
        self.desk.held.store(0, Ordering::Relaxed);
        self.desk.gate.send_replace(Gate::Closed(path, when));
    }

    /// Waits until something waits here.
    pub(crate) async fn await_held(&self) {
        until("somebody is held up at the CA", async || {
            self.desk.held.load(Ordering::Relaxed) > 0
        })
        .await;
    }

    /// Lets everything through again.
    pub(crate) fn release(&self) {
        self.desk.gate.send_replace(Gate::Open);
    }

    /// Lets everything through again but what was held up: who asked for that is dead.
    pub(crate) fn forget(&self) {
        self.desk.gate.send_replace(Gate::OpenForOthers);
    }

    /// Is not there any more, like a CA that is down.
    pub(crate) async fn stop(&mut self) {
        self.origin.stop().await;
    }

    pub(crate) async fn start_again(&mut self) {
        self.origin.start_again().await;
    }

    /// What was said below this path so far, oldest first; null where nothing was said.
    pub(crate) fn asked(&self, path: &str) -> Vec<Value> {
        let asked = self.desk.asked.lock();
        let below = asked.iter().filter(|(of, _)| of.starts_with(path));
        below.map(|(_, said)| said.clone()).collect()
    }
}

impl Desk {
    async fn serve(&self, mut head: Message, mut wire: Wire) -> io::Result<Wire> {
        head.body = wire.read_request_body(&head).await?;
        let path = head.target().to_owned();
        let said = said(&head.body);
        self.asked.lock().push((path.clone(), said.clone()));
        self.wait(&path, When::BeforePebble).await?;
        let answer = self.answer(&head, &said).await?;
        self.wait(&path, When::AfterPebble).await?;
        wire.try_send(written(&answer, head.method())).await?;
        Ok(wire)
    }

    async fn wait(&self, path: &str, when: When) -> io::Result<()> {
        let mut gate = self.gate.subscribe();
        let is_closed = matches!(*gate.borrow(), Gate::Closed(at, then) if path.starts_with(at) && then == when);
        if !is_closed {
            return Ok(());
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        let is_open = |gate: &Gate| !matches!(gate, Gate::Closed(..));
        let opened = gate.wait_for(is_open).await.map(|gate| *gate);
        match opened {
            Ok(Gate::Open) => Ok(()),
            _ => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    async fn answer(&self, head: &Message, said: &Value) -> io::Result<Message> {
        let Some(stub) = &self.stub else {
            return self.forward(self.pebble, head).await;
        };
        if let Some(answer) = stub.answer(head, said) {
            return Ok(answer);
        }
        let mut answer = self.forward(self.pebble, head).await?;
        stub.amend(head, said, &mut answer);
        Ok(answer)
    }

    async fn set_at_pebble(&self, certificate: &str, window: &Value) {
        let body = json!({ "Certificate": certificate, "ARIResponse": window.to_string() });
        let head = Message {
            start: "POST /set-renewal-info/ HTTP/1.1".to_owned(),
            // Nobody without a name is answered (RFC 8555 section 6.1).
            fields: vec![("user-agent".to_owned(), "tests".to_owned())],
            body: body.to_string().into(),
        };
        let answer = self.forward(self.management, &head).await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    async fn forward(&self, port: u16, head: &Message) -> io::Result<Message> {
        let stream = shake_hands(port, "localhost", &["http/1.1"], &self.trust).await?;
        let lines: Vec<String> = head
            .fields
            .iter()
            .filter(|(name, _)| name != "transfer-encoding")
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut client = Client::new(Wire::new(stream));
        let bytes = request(head.method(), head.target(), &lines, &head.body);
        client.wire.try_send(bytes).await?;
        client.wire.read_response(head.method()).await
    }
}

/// The payload of what a client has signed (RFC 7515).
fn said(body: &[u8]) -> Value {
    let signed: Value = serde_json::from_slice(body).unwrap_or_default();
    let payload = signed["payload"].as_str().unwrap_or_default();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or_default()
}

fn written(answer: &Message, method: &str) -> Vec<u8> {
    let mut head = format!("{}\r\n", answer.start);
    for (name, value) in &answer.fields {
        if !matches!(&name[..], "content-length" | "transfer-encoding") {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    if method != "HEAD" && answer.status() != 204 {
        let length = answer.body.len().to_string();
        head.extend(["content-length: ", &length, "\r\n"]);
    }
    [head.as_bytes(), b"\r\n", &answer.body].concat()
}
