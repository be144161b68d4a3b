//! A fault of ours in the middle of an exchange.
//!
//! The edge runs inside this test, with a log that panics: it is the one part of an exchange that a test can give it.

use std::sync::Arc;

use simplon::{
    config,
    listen::Workers,
    observe::panics,
    process::{Edge, Running, Source},
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::harness::{Client, Http2, Origin, Reply, Setup, Trust, free_port, shake_hands, until};

/// What is said of a server that does not speak TLS, in the task of the exchange.
const FATAL: &str = "no TLS with a server";

/// A log that panics.
struct Fragile;

impl Subscriber for Fragile {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fuse);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fuse;

impl Visit for Fuse {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let is_fatal = field.name() == "message" && format!("{value:?}") == FATAL;
        assert!(!is_fatal, "the log is broken, as the test wants it");
    }
}

/// An edge in this process.
struct Inside {
    http: u16,
    https: u16,
    admin: u16,
    directory: TempDir,
    _running: Running,
}

impl Inside {
    async fn start(origin: &Origin, no_tls: u16) -> Self {
        let (http, https, admin) = (free_port(), free_port(), free_port());
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().display();
        let text = format!(
            "
listeners:
  http: {{ bind: 127.0.0.1:{http} }}
  https: {{ bind: 127.0.0.1:{https}, tls: intermediate }}
admin: {{ bind: 127.0.0.1:{admin} }}
state: {home}/state
control: {home}/control.sock
log: {{ access: off }}
certificates: [{{ hosts: localhost, self_signed: true, default: true }}]
upstreams:
  web: {{ servers: [{origin}] }}
  one: {{ servers: [127.0.0.1:{no_tls}], tls: {{ verify: false }} }}
  two: {{ servers: [127.0.0.1:{no_tls}], tls: {{ verify: false }} }}
routes: [{{ upstream: web }}, {{ path: /one, upstream: one }}, {{ path: /two, upstream: two }}]
"
        );
        let file = directory.path().join("simplon.yaml");
        std::fs::write(&file, text).unwrap();
        let loaded = config::load(&file).unwrap_or_else(|report| panic!("{report}"));
        let secrets = Arc::new(rustls::NoKeyLog);
        let running = Edge::start(
            Source::File(file),
            loaded,
            secrets,
            Arc::default(),
            Workers::here(),
        )
        .await;
        Self {
            http,
            https,
            admin,
            directory,
            _running: running.unwrap_or_else(|error| panic!("{error}")),
        }
    }

    async fn h2_client(&self) -> Http2 {
        let trust = Trust::in_file(&self.directory.path().join("state/dev-ca.pem"));
        let stream = shake_hands(self.https, "localhost", &["h2"], &trust).await;
        Http2::over(stream.unwrap()).await
    }

    /// The value of the series that begins like this.
    async fn metric(&self, series: &str) -> u64 {
        let mut client = Client::connect(self.admin).await;
        let answer = client
            .ask("GET", "/metrics", &["host: localhost"], b"")
            .await;
        let text = answer.text();
        let line = text.lines().find(|line| line.starts_with(series));
        let line = line.unwrap_or_else(|| panic!("{series} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// Closes every connection at once.
async fn closing() -> u16 {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    port
}

#[tokio::test]
async fn a_panic_ends_its_exchange_and_nothing_else() {
    // Both stand for the process. This runs on one thread, which alone has the log.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    panics::watch();
    let origin = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(std::time::Duration::from_secs(1)),
        _ => Reply::ok("hello"),
    })
    .await;
    let edge = Inside::start(&origin, closing().await).await;
    let _log = tracing::subscriber::set_default(Fragile);
    let panics = edge.metric("simplon_panics_total").await;

    // One stream of HTTP/2, and not its neighbours.
    let h2 = edge.h2_client().await;
    let slow = h2.start("/slow").await;
    let request = http::Request::get("https://localhost/one")
        .body(())
        .unwrap();
    let error = h2.try_ask(request, b"").await.unwrap_err();
    assert!(error.is_reset(), "{error}");
    assert_eq!(slow.await.unwrap().status(), 200);
    assert_eq!(h2.get("/").await.body, b"hello");

    // One connection of HTTP/1, and not another in the middle of its request.
    let mut kept = Client::connect(edge.http).await;
    kept.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let mut unlucky = Client::connect(edge.http).await;
    assert!(unlucky.try_ask("GET", "/two", &[], b"").await.is_err());
    assert_eq!(kept.response().await.text(), "slow");
    assert_eq!(kept.get("/").await.text(), "hello");

    // What they held is given back, and what they were is counted.
    for series in [
        "simplon_server_in_flight{upstream=\"one\"",
        "simplon_server_in_flight{upstream=\"two\"",
        "simplon_server_in_flight{upstream=\"web\"",
    ] {
        assert_eq!(edge.metric(series).await, 0, "{series}");
    }
    until("its seat is free", async || {
        edge.metric("simplon_connections{listener=\"http\"}").await == 1
    })
    .await;
    let connections = "simplon_connections{listener=\"https\"}";
    assert_eq!(edge.metric(connections).await, 1);
    assert!(edge.metric("simplon_panics_total").await >= panics + 2);
    // The servers whose log it was are asked again like any other.
    let answer = Client::connect(edge.http).await.get("/two").await;
    assert_eq!(answer.status(), 502);
}

#[tokio::test]
#[should_panic(expected = "in the proxy: somebody has panicked")]
async fn no_test_passes_whose_proxy_has_panicked() {
    let text = "routes: [{ respond: { body: hello } }]";
    let says_so = Setup::of(text).after("echo somebody has panicked >&2");
    let proxy = says_so.start().await;
    proxy.errors().await_line("panicked").await;
}
