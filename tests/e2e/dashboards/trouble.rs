//! An edge with every feature on, and all that can go wrong there: for each panel something to show.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use tokio::{net::TcpStream, task::JoinSet};

use crate::harness::{
    AcmeFront, Certificates, Client, Collector, Message, Origin, Pebble, Proxy, Redis, Reply,
    Setup, Terms, Trust, Wire, shake_hands,
};

/// `$ill` fails each request, `$rude` says more than it was asked for, and nobody listens at `$other`.
const TEXT: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    acme:
      ca: { directory: $front, root: $its_root, challenge: tls-alpn-01 }
      gone: { directory: 'https://127.0.0.1:9/directory', challenge: tls-alpn-01 }
    certificates:
      - { hosts: [localhost], self_signed: true }
      - { hosts: [a.test], acme: ca }
      - { hosts: [b.test], acme: gone }
    limits_store: { url: $store, timeout: 5s }
    tracing: { otlp: $collector }
    log: { sample: 50% }
    upstreams:
      web: { servers: [$1, $2], health: { path: /health, interval: 200ms } }
      ill: { servers: [$3, $1], passive: { failures: 3, eject: 1s } }
      rude: { servers: [$4] }
      full: { servers: [{ address: $1, max_connections: 1 }], queue: { size: 9, timeout: 300ms } }
      away: { servers: [127.0.0.1:$other], health: { tcp: true, interval: 200ms, fall: 1 } }
    routes:
      - { path: /limited, upstream: web, rate_limit: { rate: 1/h, by: 'header:x-key', max_keys: 1 } }
      - { path: /shut, upstream: web, access: { deny: [127.0.0.0/8] } }
      - { path: /guarded, upstream: web, basic_auth: { users: users } }
      - { path: /ill, upstream: ill }
      - { path: /rude, upstream: rude }
      - { path: /full, upstream: full }
      - { path: /away, upstream: away }
      - { path: /said, respond: { body: hello } }
      - { upstream: web, max_in_flight: { max: 100 }, compress: { min_size: 10, cpu_guard: false } }
";

const USERS: &str = "alice:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";

/// The edge and whoever it has to do with.
pub(super) struct Site {
    pub(super) edge: Proxy,
    text: String,
    second: Origin,
    origins: Vec<String>,
    ca: Pebble,
    front: AcmeFront,
    stranger: Trust,
    _others: (Redis, Collector, Vec<Origin>, TempDir),
}

impl Site {
    pub(super) async fn open() -> Self {
        let (store, collector) = (Redis::start().await, Collector::start().await);
        let ca = Pebble::start(Terms::default()).await;
        let front = AcmeFront::of(&ca).await;
        let (first, second) = (
            Origin::answering(answer).await,
            Origin::answering(answer).await,
        );
        let ill = Origin::answering(|_| Reply::new(503, "ill")).await;
        let rude = rude().await;
        let text = TEXT
            .replace("$store", &store.to_string())
            .replace("$collector", &collector.url());
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("users"), USERS).unwrap();
        let all = [&first, &second, &ill, &rude];
        let origins = all.map(ToString::to_string).to_vec();
        let edge = setup(&text, &front, &ca)
            .before(&all)
            .kept_in(directory)
            .start()
            .await;
        let elsewhere = tempfile::tempdir().unwrap();
        Self {
            edge,
            text,
            second,
            origins,
            ca,
            front,
            stranger: Certificates::new().trust(elsewhere.path()),
            _others: (store, collector, vec![first, ill, rude], elsewhere),
        }
    }

    /// Some of everything. What comes of it is for the panels to show.
    pub(super) async fn stir(&self) {
        let wrong = STANDARD.encode("alice:wrong");
        let wrong = format!("authorization: Basic {wrong}");
        let key = format!("x-key: {}", fastrand::u64(..));
        let (_shaking, mut slow) = (self.begin_to_shake_hands().await, JoinSet::new());
        for path in ["/slow", "/full", "/full", "/full", "/full"] {
            let mut client = self.edge.client().await;
            slow.spawn(async move { client.try_ask("GET", path, &[], b"").await });
        }
        for (path, line) in [
            ("/limited", &*key),
            ("/guarded", &wrong),
            ("/shut", ""),
            ("/ill", ""),
            ("/rude", ""),
            ("/away", ""),
            ("/said", ""),
            ("/words", "x_odd: 1"),
            ("/noise", "accept-encoding: br"),
            ("/words", "accept-encoding: br"),
            ("/words", "accept-encoding: zstd"),
            ("/words", "accept-encoding: gzip"),
        ] {
            let lines: &[&str] = if line.is_empty() { &[] } else { &[line] };
            let mut client = self.edge.client().await;
            for body in [&b""[..], b"some body"] {
                let method = if body.is_empty() { "GET" } else { "POST" };
                let _ = client.try_ask(method, path, lines, body).await;
            }
        }
        self.knock().await;
        slow.join_all().await;
    }

    /// By TLS: welcome, for a host that is not here, and as one who does not trust us.
    async fn knock(&self) {
        let (port, trust) = (self.edge.https(), self.edge.trust());
        self.edge.h2_client("localhost").await.get("/said").await;
        if let Ok(stream) = shake_hands(port, "localhost", &["http/1.1"], &trust).await {
            let _ = Client::new(Wire::new(stream))
                .try_ask("GET", "/words", &["host: localhost"], b"")
                .await;
        }
        for (host, trust) in [("unknown.test", &trust), ("localhost", &self.stranger)] {
            assert!(shake_hands(port, host, &[], trust).await.is_err(), "{host}");
        }
    }

    /// Hands are being shaken as long as this is kept.
    async fn begin_to_shake_hands(&self) -> Wire {
        let stream = TcpStream::connect(("127.0.0.1", self.edge.https())).await;
        let mut wire = Wire::new(stream.unwrap());
        wire.send([22, 3, 1]).await;
        wire
    }

    /// A server of `web` dies.
    pub(super) async fn kill_a_server(&mut self) {
        self.second.stop().await;
    }

    /// The whole edge is ended and started again, at the same place.
    pub(super) async fn restart(self) -> Self {
        let Self { edge, text, .. } = self;
        let text = self
            .origins
            .iter()
            .zip(1..)
            .fold(text, |text, (origin, nth)| {
                text.replace(&format!("${nth}"), origin)
            });
        let edge = setup(&text, &self.front, &self.ca)
            .kept_in(edge.leave().await)
            .start()
            .await;
        Self { edge, text, ..self }
    }
}

fn setup(text: &str, front: &AcmeFront, ca: &Pebble) -> Setup<'static> {
    Setup::of(text).through(front).certified_by(ca)
}

fn answer(request: &Message) -> Reply {
    let reply = match request.target() {
        "/slow" => Reply::ok("late").after(Duration::from_millis(700)),
        // Of four at a time, the second waits for its turn, and others in vain.
        "/full" => Reply::ok("late").after(Duration::from_millis(200)),
        "/noise" => {
            let noise = std::iter::repeat_with(|| fastrand::u8(..)).take(4096);
            Reply::ok(noise.collect::<Vec<_>>())
        }
        _ => Reply::ok("word ".repeat(1000)),
    };
    reply.with("content-type: text/plain")
}

async fn rude() -> Origin {
    Origin::scripted(|request, mut wire| async move {
        wire.read_request_body(&request).await.ok()?;
        let said = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more";
        wire.try_send(said).await.ok()?;
        Some(wire)
    })
    .await
}
