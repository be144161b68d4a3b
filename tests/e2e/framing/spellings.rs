//! One normal form of hosts and paths: the router, the redirect, the server and the log agree, with few routes and
//! with many.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
};

use http::Request;
use parking_lot::Mutex;
use serde_json::Value;

use crate::harness::{
    Client, Frames, Proxy, Recorder,
    frames::{DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, headers_block, status_in},
};

/// Spellings of a path, and what they are: `/admin` is for another upstream than the rest.
const PATHS: &[(&str, Option<&str>)] = &[
    ("/admin", Some("/admin")),
    ("/admin/", Some("/admin/")),
    ("/admin/x", Some("/admin/x")),
    ("//admin", Some("/admin")),
    ("/./admin", Some("/admin")),
    ("/admin/.", Some("/admin/")),
    ("/x/../admin", Some("/admin")),
    ("/x//../admin", Some("/admin")),
    ("/admin/../x", Some("/x")),
    ("/admin//../../x", None),
    ("/%61dmin", Some("/admin")),
    ("/%61%64%6D%69%6e", Some("/admin")),
    ("/%2e/admin", Some("/admin")),
    ("/x/%2e%2e/admin", Some("/admin")),
    ("/x/.%2E/admin", Some("/admin")),
    ("/Admin", Some("/Admin")),
    ("/admin;x=y", Some("/admin;x=y")),
    ("/;/admin", Some("/;/admin")),
    ("/admin%20", Some("/admin%20")),
    ("/admin.", Some("/admin.")),
    ("/adminx", Some("/adminx")),
    ("/%2561dmin", Some("/%2561dmin")),
    ("/%25%36%31dmin", Some("/%2561dmin")),
    ("/%e2%88%95admin", Some("/%E2%88%95admin")),
    ("/admin%2fx", None),
    ("/x%2f..%2fadmin", None),
    ("/x%5c..%5cadmin", None),
    ("/x\\..\\admin", None),
    ("/\\admin", None),
    ("/admin%00", None),
    ("/admin%00.html", None),
    ("/admin%0a", None),
    ("/x/..;/admin", None),
    ("/x/..;a=b/admin", None),
    ("/x/..%3b/admin", None),
    ("/.;/admin", None),
    ("/../admin", None),
    ("/%2e%2e/admin", None),
    ("/%c0%afadmin", None),
    ("/x/%c0%ae%c0%ae/admin", None),
    ("/%e0%80%afadmin", None),
    ("/%f0%80%80%afadmin", None),
    ("/%u002fadmin", None),
    ("/%", None),
    ("/admin%4", None),
];

/// Spellings of `HOST`, and what a server hears; nothing where they are refused.
const HOSTS: &[(&str, Option<&str>)] = &[
    ("HOST", Some("HOST")),
    ("HOST.", Some("HOST")),
    ("HOST:80", Some("HOST:80")),
    ("HOST.:8080", Some("HOST:8080")),
    ("HOST:", None),
    ("HOST..", None),
    ("HOST:x", None),
    ("HOST%2e", None),
    ("user@HOST", None),
    ("HOST,HOST", None),
    ("HOST/", None),
];

struct Scene {
    web: Recorder,
    admin: Recorder,
    proxy: Proxy,
    asked: Mutex<Vec<Asked>>,
}

/// Two routes for each host.
async fn scene(hosts: usize) -> Scene {
    let (web, admin) = (Recorder::start().await, Recorder::start().await);
    let mut text = format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http }}
          https: {{ bind: 127.0.0.1:$https, tls: intermediate }}
          other: {{ bind: 127.0.0.1:$other, redirect: https }}
        certificates: [{{ hosts: [localhost, '*.test'], self_signed: true }}]
        upstreams: {{ web: {{ servers: [{web}] }}, admin: {{ servers: [{admin}] }} }}
        routes:
          - {{ path: /elsewhere, respond: {{ body: elsewhere }} }}\n"
    );
    for nth in 0..hosts {
        let _ = writeln!(
            text,
            "          - {{ host: h{nth}.test, path: /, upstream: web }}"
        );
        let _ = writeln!(
            text,
            "          - {{ host: h{nth}.Test, path: /admin, upstream: admin }}"
        );
    }
    let proxy = Proxy::with(&text, &[]).await;
    Scene {
        web,
        admin,
        proxy,
        asked: Mutex::default(),
    }
}

#[tokio::test]
async fn every_spelling_is_one_thing_to_all_with_3_routes() {
    all_agree(1).await;
}

#[tokio::test]
async fn every_spelling_is_one_thing_to_all_with_301_routes_over_150_hosts() {
    all_agree(150).await;
}

async fn all_agree(hosts: usize) {
    let scene = scene(hosts).await;
    let mut wrong = Vec::new();
    for nth in BTreeSet::from([0, hosts - 1]) {
        let host = format!("h{nth}.test");
        for (path, normal) in PATHS {
            for spelled in [host.clone(), host.to_uppercase()] {
                wrong.extend(
                    scene
                        .check(&spelled, path, normal.map(|path| (&*host, path)))
                        .await,
                );
            }
        }
        for (spelled, normal) in HOSTS {
            let normal = normal.map(|normal| normal.replace("HOST", &host));
            for name in [host.clone(), host.to_uppercase()] {
                let spelled = spelled.replace("HOST", &name);
                let normal = normal.as_deref().map(|normal| (normal, "/admin"));
                wrong.extend(scene.check(&spelled, "/x/../admin", normal).await);
            }
        }
    }
    wrong.extend(scene.logs_agree().await);
    wrong.extend(scene.web.faults());
    wrong.extend(scene.admin.faults());
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

impl Scene {
    /// What is wrong with this spelling on any way, if it is to be this host and path.
    async fn check(&self, host: &str, path: &str, normal: Option<(&str, &str)>) -> Vec<String> {
        let mark = format!("?{}", fastrand::u64(..));
        let target = format!("{path}{mark}");
        let line = format!("host: {host}");
        let mut wrong = Vec::new();
        let mut note = |way: &str, what: String| wrong.push(format!("{way} {host} {path}: {what}"));

        let mut client = self.proxy.client().await;
        let answer = client.ask("GET", &target, &[&line], b"").await;
        if let Err(what) = self.judge(answer.status(), answer.text(), &mark, normal) {
            note("HTTP/1", what);
        }
        self.asked.lock().push(Asked {
            id: answer.request_id().to_owned(),
            shown: format!("{host} {path}"),
            normal: normal.map(|(host, path)| (host.to_owned(), path.to_owned())),
        });
        let (status, body) = by_http2(&self.proxy, host, &target).await;
        if let Err(what) = self.judge(status, &body, &mark, normal) {
            note("HTTP/2", what);
        }
        let mut client = Client::connect(self.proxy.other()).await;
        let answer = client.ask("GET", &target, &[&line], b"").await;
        let location = answer.field("location").map(str::to_owned);
        let expected = normal.map(|(host, path)| {
            let name = host.split(':').next().unwrap_or_default();
            format!("https://{name}:{}{path}{mark}", self.proxy.https())
        });
        if location != expected || (expected.is_none() && answer.status() != 400) {
            note("the redirect", format!("{} {location:?}", answer.status()));
        }
        wrong
    }

    /// The right server heard the right thing, or none heard anything.
    fn judge(
        &self,
        status: u16,
        body: &str,
        mark: &str,
        normal: Option<(&str, &str)>,
    ) -> Result<(), String> {
        let Some((host, path)) = normal else {
            let is_refused = status == 400 || status == 0; // 0: the stream was reset
            return is_refused
                .then_some(())
                .ok_or(format!("{status} {body:.20}"));
        };
        let target = format!("{path}{mark}");
        let is_admin = path == "/admin" || path.starts_with("/admin/");
        let server = if is_admin { &self.admin } else { &self.web };
        let heard = server
            .heard(&target)
            .ok_or(format!("{status}, and its server heard nothing"))?;
        let of = |name| heard.field(name).unwrap_or_default();
        let fits =
            status == 200 && body == target && of("host") == host && of("x-forwarded-host") == host;
        fits.then_some(())
            .ok_or(format!("{status} {body} for {}", of("host")))
    }

    /// Reads the log once, since it is long.
    async fn logs_agree(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock());
        let last = asked.last().map_or("", |asked| &asked.id);
        self.proxy.logged(|line| line["request_id"] == last).await;
        let log = self.proxy.access_log();
        let lines: HashMap<_, _> = log
            .iter()
            .map(|line| (line["request_id"].as_str().unwrap_or_default(), line))
            .collect();
        let differs = |asked: &Asked| match lines.get(&*asked.id) {
            Some(line) if asked.is_told_by(line) => None,
            line => Some(format!("the log of {}: {line:?}", asked.shown)),
        };
        asked.iter().filter_map(differs).collect()
    }
}

/// A request, and the host and path that it is for.
struct Asked {
    id: String,
    shown: String,
    normal: Option<(String, String)>,
}

impl Asked {
    fn is_told_by(&self, line: &Value) -> bool {
        let Some((host, path)) = &self.normal else {
            return line["refusal"] == "malformed" && line["upstream"].is_null();
        };
        let is_admin = path == "/admin" || path.starts_with("/admin/");
        line["host"] == host.split(':').next().unwrap_or_default()
            && line["path"] == path.as_str()
            && line["upstream"] == if is_admin { "admin" } else { "web" }
    }
}

/// One GET on a connection of its own; status 0 if it has no answer.
async fn by_http2(proxy: &Proxy, host: &str, target: &str) -> (u16, String) {
    let mut frames = Frames::begin(proxy).await;
    let block = headers_block(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", host),
        (":path", target),
    ]);
    let flags = END_HEADERS | END_STREAM;
    frames.send(HEADERS, flags, 1, &block).await.unwrap();
    let (mut status, mut body) = (0, Vec::new());
    while let Some(frame) = frames.next().await {
        match frame.kind {
            HEADERS => status = status_in(&frame.payload),
            DATA => body.extend_from_slice(&frame.payload),
            RST_STREAM => break,
            _ => continue,
        }
        if frame.flags & END_STREAM != 0 {
            break;
        }
    }
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_host_of_another_certificate_is_421_with_3_certificates() {
    certificates_keep_to_their_hosts(3).await;
}

#[tokio::test]
async fn a_host_of_another_certificate_is_421_with_300_certificates() {
    certificates_keep_to_their_hosts(300).await;
}

async fn certificates_keep_to_their_hosts(count: usize) {
    let recorder = Recorder::start().await;
    let mut text = format!(
        "
        listeners: {{ https: {{ bind: 127.0.0.1:$https, tls: intermediate }} }}
        upstreams: {{ web: {{ servers: [{recorder}] }} }}
        routes: [{{ upstream: web }}]
        certificates:\n"
    );
    for nth in 0..count {
        let _ = writeln!(
            text,
            "          - {{ hosts: [h{nth}.test], self_signed: true }}"
        );
    }
    let proxy = Proxy::with(&text, &[]).await;
    for nth in [0, count / 2, count - 1] {
        let own = format!("h{nth}.test");
        let other = format!("h{}.test", (nth + 1) % count);
        let spelled = [
            (own.clone(), 200),
            (own.to_uppercase(), 200),
            (format!("{own}."), 200),
            (format!("{own}:{}", proxy.https()), 200),
            (other.clone(), 421),
            (other.to_uppercase(), 421),
            (format!("{other}.:443"), 421),
            (format!("x.{own}"), 421),
            ("unknown.test".to_owned(), 421),
            ("127.0.0.1".to_owned(), 421),
        ];
        for (host, status) in spelled {
            let line = format!("host: {host}");
            let mut client = proxy.tls_client(&own).await;
            let answer = client.ask("GET", "/", &[&line], b"").await;
            assert_eq!(answer.status(), status, "{own}, {host}");
            let request = Request::get(format!("https://{host}/")).body(()).unwrap();
            let answer = proxy.h2_client(&own).await.ask(request, b"").await;
            assert_eq!(answer.status, status, "{own}, {host} by HTTP/2");
        }
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
}
