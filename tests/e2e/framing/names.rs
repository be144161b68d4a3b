//! Names that lie: fields that some servers take for others, and claims that only a proxy may make.

use http::Request;

use crate::harness::{Client, Proxy, Recorder};

async fn proxy(recorder: &Recorder, more: &str, listener: &str) -> Proxy {
    let text = format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http{listener} }}
          https: {{ bind: 127.0.0.1:$https, tls: intermediate{listener} }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        upstreams: {{ web: {{ servers: [{recorder}] }} }}
        routes: [{{ upstream: web }}]
        {more}
        "
    );
    Proxy::with(&text, &[]).await
}

async fn get(client: &mut Client, path: &str, lines: &[&str]) -> u16 {
    client.ask("GET", path, lines, b"").await.status()
}

const TWINS: [(&str, &str); 8] = [
    ("X_Forwarded_For", "6.6.6.6"),
    ("x_real_ip", "6.6.6.6"),
    ("X_Forwarded-Proto", "gopher"),
    ("Content_Length", "5"),
    ("Transfer_Encoding", "chunked"),
    ("_Host", "evil.test"),
    ("X_Own", "1"),
    ("_", "1"),
];

#[tokio::test]
async fn no_server_sees_a_name_with_an_underscore_and_each_is_counted() {
    let recorder = Recorder::start().await;
    let proxy = proxy(&recorder, "", "").await;
    let lines = TWINS.map(|(name, value)| format!("{name}: {value}"));
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(get(&mut proxy.client().await, "/1", &lines).await, 200);
    let mut request = Request::get("https://localhost/2");
    for (name, value) in TWINS {
        request = request.header(name.to_lowercase(), value);
    }
    let http2 = proxy.h2_client("localhost").await;
    let answer = http2.ask(request.body(()).unwrap(), b"").await;
    assert_eq!(answer.status, 200);
    // The recorder finds fault with any such name by itself.
    assert_eq!(recorder.faults(), Vec::<String>::new());
    for path in ["/1", "/2"] {
        let heard = recorder.heard(path).unwrap();
        assert_eq!(heard.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
        assert!(heard.all("content-length").is_empty(), "{heard:?}");
    }
    for listener in ["http", "https"] {
        let labels = [("listener", listener), ("reason", "underscore")];
        proxy
            .await_metric("simplon_headers_dropped_total", &labels, 8)
            .await;
        let labels = [("listener", listener), ("reason", "claim")];
        proxy
            .await_metric("simplon_headers_dropped_total", &labels, 0)
            .await;
    }
}

#[tokio::test]
async fn names_with_underscores_pass_where_they_are_allowed() {
    let origin = crate::harness::Origin::saying("hello").await;
    let text = "
        listeners:
          http: { bind: 127.0.0.1:$http, underscore_headers: allow }
          https: { bind: 127.0.0.1:$https, tls: intermediate, underscore_headers: allow }
        certificates: [{ hosts: [localhost], self_signed: true }]
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let lines = ["X_Own: 1", "X_Forwarded_For: 6.6.6.6", "Remote_User: root"];
    get(&mut proxy.client().await, "/", &lines).await;
    let request = Request::get("https://localhost/")
        .header("x_own", "1")
        .header("x_forwarded-for", "6.6.6.6")
        .header("remote_user", "root");
    let http2 = proxy.h2_client("localhost").await;
    http2.ask(request.body(()).unwrap(), b"").await;
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.field("x_own"), Some("1"));
        assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
        // What a server takes for a claim of ours is one.
        for claim in ["x_forwarded_for", "x_forwarded-for", "remote_user"] {
            assert!(!request.has(claim), "{request:?}");
        }
    }
    for listener in ["http", "https"] {
        for (reason, count) in [("underscore", 0), ("claim", 2)] {
            let labels = [("listener", listener), ("reason", reason)];
            let dropped = proxy.metric("simplon_headers_dropped_total", &labels);
            assert_eq!(dropped.await, Some(count), "{listener} {reason}");
        }
    }
}

/// What proxies of all makes say of clients, and to whom a server may listen.
const CLAIMS: [&str; 44] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Protocol",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Prefix",
    "X-Forwarded-Path",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-By",
    "X-Forwarded-User",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded",
    "Forwarded",
    "Forwarded-For",
    "X-Real-Ip",
    "X-Client-Ip",
    "Client-Ip",
    "True-Client-Ip",
    "X-Cluster-Client-Ip",
    "X-Remote-Ip",
    "X-Remote-Addr",
    "X-Originating-Ip",
    "CF-Connecting-Ip",
    "Fastly-Client-Ip",
    "X-Azure-ClientIp",
    "Remote-User",
    "Client-Cert",
    "Ssl-Client-Cert",
    "X-Ssl-Client-Verify",
    "X-Original-Url",
    "X-Original-Host",
    "X-Original-Forwarded-For",
    "X-Rewrite-Url",
    "X-Host",
    "Front-End-Https",
    "X-Url-Scheme",
    "X-Sendfile-Type",
    "X-Request-Id",
    "Proxy",
];

#[tokio::test]
async fn a_strangers_claims_never_reach_a_server_set_twice_or_erased() {
    let recorder = Recorder::start().await;
    let proxy = proxy(&recorder, "", "").await;
    let mut client = proxy.client().await;
    let http2 = proxy.h2_client("localhost").await;
    for (nth, claim) in CLAIMS.iter().enumerate() {
        let once = format!("{claim}: 6.6.6.6");
        let again = format!("{}: evil.test, 6.6.6.6", claim.to_uppercase());
        let twin = format!("{}: 6.6.6.6", claim.replace('-', "_"));
        let path = format!("/one/{nth}");
        assert_eq!(get(&mut client, &path, &[&once, &again, &twin]).await, 200);
        let request = Request::get(format!("https://localhost/two/{nth}"))
            .header(*claim, "6.6.6.6")
            .header(*claim, "evil.test");
        assert_eq!(http2.ask(request.body(()).unwrap(), b"").await.status, 200);
        for (path, host) in [(path, "test"), (format!("/two/{nth}"), "localhost")] {
            let heard = recorder.heard(&path).unwrap();
            for (name, value) in &heard.fields {
                let value = String::from_utf8_lossy(value);
                assert!(
                    !value.contains("6.6.6.6") && !value.contains("evil"),
                    "{name}: {value}"
                );
            }
            let field = |name| heard.field(name).unwrap();
            assert_eq!(field("x-forwarded-for"), "127.0.0.1");
            assert_eq!(field("x-forwarded-host"), host);
            assert_eq!(field("x-request-id").len(), 32);
        }
        // No `Connection` takes away what we say, or what we would have dropped.
        let erase = format!("Connection: {claim}");
        let mut client = proxy.client().await;
        let status = get(&mut client, "/erased", &[&erase, &once]).await;
        assert!(status == 400 || *claim == "Proxy", "{claim}: {status}");
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
    let labels = [("listener", "https"), ("reason", "claim")];
    let dropped = proxy.metric("simplon_headers_dropped_total", &labels).await;
    assert_eq!(dropped, Some(CLAIMS.len() as u64));
}

#[tokio::test]
async fn whoever_rotates_addresses_before_a_trusted_proxy_stays_one_client() {
    let recorder = Recorder::start().await;
    let more = "trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]";
    let proxy = proxy(&recorder, more, "").await;
    let mut client = proxy.client().await;
    for nth in 0..20 {
        // What the client made up, then what the proxies wrote: in one line, in several, and mixed.
        let whole = format!("X-Forwarded-For: 203.0.113.{nth}, 198.51.100.7, 10.0.0.{nth}");
        let made_up = format!("X-Forwarded-For: 203.0.113.{nth}");
        let rotated = format!("X-Forwarded-For: 2001:db8::{nth}, 127.0.0.1, 198.51.100.7");
        let spelled = format!("X-Forwarded-For: 203.0.113.{nth},\t[::ffff:198.51.100.7]:{nth}");
        let garbage = format!("X-Forwarded-For: <{nth}>, 198.51.100.7 ");
        let lines: [&[&str]; 5] = [
            &[&whole],
            &[
                &made_up,
                "X-Forwarded-For: 198.51.100.7",
                "x-forwarded-for: 10.0.0.1",
            ],
            &[&rotated],
            &[&spelled],
            &[&garbage],
        ];
        for (form, lines) in lines.iter().enumerate() {
            let path = format!("/{form}/{nth}");
            assert_eq!(get(&mut client, &path, lines).await, 200);
            let line = proxy.logged(|line| line["path"] == path.as_str()).await;
            assert_eq!(line["client"], "198.51.100.7", "{lines:?}");
        }
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stranger_who_rotates_addresses_stays_who_it_is() {
    let recorder = Recorder::start().await;
    let proxy = proxy(&recorder, "trusted_proxies: [10.0.0.0/8]", "").await;
    let mut client = proxy.client().await;
    for nth in 0..20 {
        let line = format!("X-Forwarded-For: 203.0.113.{nth}, 10.0.0.1");
        let path = format!("/{nth}");
        assert_eq!(get(&mut client, &path, &[&line, &line]).await, 200);
        let line = proxy.logged(|line| line["path"] == path.as_str()).await;
        assert_eq!(line["client"], "127.0.0.1");
        let heard = recorder.heard(&path).unwrap();
        assert_eq!(heard.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    }
}
