//! The endpoint over real sockets.

mod streams;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::{
    limits::Limited,
    observe::{
        CertificateView, Certificates, CheckView, Exposition, Metrics, PolicyLabel, Scene,
        ServerView, UpstreamView,
    },
};

const HOSTILE: &str = "<script>alert('x')</script>\"&";
const SOON: Duration = Duration::from_secs(20);

/// A proxy with one upstream of a hostile name, whose readiness the test decides.
struct Proxy {
    ready: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Certificates for Proxy {
    fn each_host(&self, _: &mut dyn FnMut(CertificateView<'_>)) {}
}

fn upstreams() -> Vec<UpstreamView> {
    let healthy = ServerView {
        name: "10.0.0.1:80".to_owned(),
        state: "UP".to_owned(),
        up: true,
        weight: 1,
        in_flight: 3,
        max_connections: Some(77),
        picks: 10,
        successes: 9,
        failures: [0, 1, 0, 0, 0],
        check: Some(CheckView {
            text: "200 in 1 ms".to_owned(),
            ..CheckView::default()
        }),
        changed_seconds_ago: 60,
        ..ServerView::default()
    };
    let variants = [
        ("UP 2/3", true, false, false),
        ("DOWN", false, false, true),
        ("UP", true, true, false),
    ];
    let variant = |(state, up, ejected, backup): (&str, _, _, _)| ServerView {
        name: HOSTILE.to_owned(),
        state: state.to_owned(),
        check: Some(CheckView {
            text: HOSTILE.to_owned(),
            ..CheckView::default()
        }),
        up,
        ejected,
        backup,
        ..healthy.clone()
    };
    vec![UpstreamView {
        name: HOSTILE.to_owned(),
        panic: true,
        servers: [healthy.clone()]
            .into_iter()
            .chain(variants.map(variant))
            .collect(),
        ..UpstreamView::default()
    }]
}

#[async_trait]
impl AdminView for Proxy {
    async fn enter(&self, peer: IpAddr, _: &HeaderMap) -> Entry {
        Entry::without_users(peer, peer)
    }

    async fn act(self: Arc<Self>, _: Action, _: Operator) -> ActionStatus {
        ActionStatus::Unknown
    }

    fn readiness(&self) -> Result<(), &'static str> {
        let is_ready = self.ready.load(Ordering::Relaxed);
        is_ready.then_some(()).ok_or("draining")
    }

    fn metrics(&self, format: observe::Format, _: &Wanted) -> String {
        let mut page = Exposition::new(format);
        let scene = Scene {
            upstreams: &upstreams(),
            listeners: &[],
            certificates: self,
            limiters: &[],
        };
        self.metrics.write(scene, &mut page);
        page.finish()
    }

    fn stats(&self) -> StatsView {
        StatsView {
            process: ProcessView {
                version: HOSTILE.to_owned(),
                pid: 4242,
                uptime_seconds: 90_061,
                generation: 7,
                reload: Reload {
                    seconds_ago: 5,
                    succeeded: false,
                    message: HOSTILE.to_owned(),
                },
                connections: 12,
                ..ProcessView::default()
            },
            listeners: vec![ListenerView {
                name: HOSTILE.to_owned(),
                addresses: vec![HOSTILE.to_owned()],
                protocol: HOSTILE.to_owned(),
                current: 1,
                total: 2,
                refused: 3,
                ..ListenerView::default()
            }],
            certificates: vec![CertificateRow {
                hosts: vec![HOSTILE.to_owned()],
                default: true,
                from: HOSTILE.to_owned(),
                issued_by: HOSTILE.to_owned(),
                key: HOSTILE.to_owned(),
                expires: HOSTILE.to_owned(),
                next: HOSTILE.to_owned(),
                notes: vec![HOSTILE.to_owned(), HOSTILE.to_owned()],
                health: Health::Bad,
            }],
            upstreams: upstreams(),
            limited: vec![Limited {
                policy: PolicyLabel::RateLimit,
                limit: HOSTILE.to_owned(),
                subject: HOSTILE.to_owned(),
                count: 123_456,
            }],
            routes: RouteView::gather(&self.metrics),
            refusals: vec![(HOSTILE.to_owned(), 3)],
            events: vec![EventView {
                number: 1,
                level: "warn".to_owned(),
                text: HOSTILE.to_owned(),
                count: 1,
                ..EventView::default()
            }],
        }
    }
}

struct Endpoint {
    address: SocketAddr,
    proxy: Arc<Proxy>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn endpoint() -> Endpoint {
    let metrics = Metrics::new(&["no_route"], &["client_cap"], UNIX_EPOCH).unwrap();
    let proxy = Arc::new(Proxy {
        ready: AtomicBool::new(true),
        metrics,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let router = router(Arc::clone(&proxy) as Arc<dyn AdminView>);
    let served = tokio::spawn(serve(listener, router, async {
        drop(stopped.await);
    }));
    Endpoint {
        address,
        proxy,
        stop,
        served,
    }
}

impl Endpoint {
    /// The answer to a request of one line, its headers in lower case and its body as it is.
    async fn ask(&self, line: &str) -> (String, String) {
        self.ask_as(line, &format!("host: {}\r\n", self.address))
            .await
    }

    async fn ask_as(&self, line: &str, headers: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{line} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = timeout(SOON, stream.read_to_string(&mut answer)).await;
        read.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn each_path_has_its_answer() {
    let endpoint = endpoint().await;
    let cases = [
        ("GET /", "307"),
        ("GET /live", "200"),
        ("GET /ready", "200"),
        ("GET /metrics", "200"),
        ("GET /stats", "200"),
        ("GET /stats.css", "200"),
        ("GET /stats.js", "200"),
        ("GET /stats;up;norefresh?scope=a", "200"),
        ("GET /stats/", "404"),
        ("GET /..%2fmetrics", "404"),
        ("POST /live", "405"),
        ("GET /stats/events/", "404"),
        ("DELETE /stats", "405"),
        ("DELETE /stats;up", "405"),
        ("POST /stats/events", "405"),
    ];
    for (line, expected) in cases {
        let (head, _) = endpoint.ask(line).await;
        assert_eq!(status(&head), expected, "{line}");
        for guard in [
            "content-security-policy: default-src 'none';",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(guard), "{line}: {guard} in {head}");
        }
    }
    let (head, _) = endpoint.ask("GET /").await;
    assert!(head.contains("location: /stats"), "{head}");
}

#[tokio::test]
async fn readiness_turns_red_with_its_reason_while_life_stays_green() {
    let endpoint = endpoint().await;
    assert_eq!(endpoint.ask("GET /ready").await.1, "ready\n");
    endpoint.proxy.ready.store(false, Ordering::Relaxed);
    let (head, body) = endpoint.ask("GET /ready").await;
    assert_eq!((status(&head), body.as_str()), ("503", "draining\n"));
    assert_eq!(endpoint.ask("GET /live").await.1, "live\n");
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let endpoint = endpoint().await;
    let (head, body) = endpoint.ask("GET /metrics").await;
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(head.contains(kind), "{head}");
    assert!(body.contains("# TYPE simplon_server_up gauge"), "{body}");
    let (head, body) = endpoint.ask("HEAD /metrics").await;
    assert!(head.contains(kind) && body.is_empty(), "{head}");
}

#[tokio::test]
async fn the_page_escapes_every_name_and_says_each_state_in_words() {
    let endpoint = endpoint().await;
    let _route = endpoint.proxy.metrics.route(HOSTILE, HOSTILE);
    let (head, page) = endpoint.ask("GET /stats").await;
    assert!(
        head.contains("content-type: text/html; charset=utf-8"),
        "{head}"
    );
    let scripts = page.matches("<script").count();
    assert_eq!(scripts, 1, "ours alone, from a file: {page}");
    assert!(page.contains("<script type=\"module\" src=\"/stats.js\"></script>"));
    let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;";
    // Version, message, listener (3), certificate (6 and its notes), upstream, servers (3, name and check),
    // whom a limit stops and the limit, route (2), refusal, event.
    let expected = 1 + 1 + 3 + 8 + 1 + 6 + 2 + 2 + 1 + 1;
    assert_eq!(page.matches(escaped).count(), expected, "{page}");
    for words in [
        "<title id=\"title\">Simplon: 2 of 4 servers up</title>",
        "UP 2/3",
        "DOWN<span class=\"badge\">backup</span>",
        "UP<span class=\"badge\">ejected</span>",
        "fewer than half are healthy",
        "✕ failed",
        "1d1h",
        "77",
        "<small>rate_limit</small>",
        "123\u{202f}456",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_misdirected() {
    let endpoint = endpoint().await;
    let cases = [
        ("GET /stats", "host: evil.example\r\n", "421"),
        ("GET /nowhere", "host: evil.example:8404\r\n", "421"),
        (
            "GET http://evil.example/stats",
            "host: localhost\r\n",
            "421",
        ),
        (
            "GET /stats",
            "host: localhost\r\nhost: evil.example\r\n",
            "421",
        ),
        ("GET /stats", "host: localhost:8404\r\n", "200"),
        ("GET /stats", "host: [::1]\r\n", "200"),
        ("GET /stats", "", "200"),
    ];
    for (line, headers, expected) in cases {
        let (head, body) = endpoint.ask_as(line, headers).await;
        assert_eq!(status(&head), expected, "{line} {headers}");
        assert!(expected == "200" || !body.contains("Simplon"), "{body}");
        assert!(head.contains("frame-ancestors 'none'"), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_header_ends_the_connection() {
    let endpoint = endpoint().await;
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    stream.write_all(b"GET /live HTTP/1.1\r\nho").await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "closed by us");
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn further_connections_wait_until_one_of_sixty_four_ends() {
    let endpoint = endpoint().await;
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
        stream
            .write_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        held.push(stream);
    }
    let waiting = endpoint.ask("GET /live");
    tokio::pin!(waiting);
    let early = timeout(Duration::from_millis(100), waiting.as_mut()).await;
    assert!(early.is_err(), "no place is free");
    held.pop();
    assert_eq!(status(&waiting.await.0), "200");
}

#[tokio::test]
async fn serving_ends_with_the_shutdown_although_a_client_holds_on() {
    let endpoint = endpoint().await;
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    stream
        .write_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    stream.read_exact(&mut byte).await.unwrap();
    endpoint.stop.send(()).unwrap();
    timeout(SOON, endpoint.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(endpoint.address).await.is_err());
}
