//! Which trace a request belongs to, and what a server and the log are told of it.

use super::{PARENT, TRACE, said, web};
use crate::harness::{Collector, H2Origin, Message, Origin, Proxy, Reply, free_port};

/// The trace and the span that a server was told of, and the flags.
fn told(request: &Message) -> (String, String, String) {
    split(request.field("traceparent").expect("a traceparent"))
}

fn split(traceparent: &str) -> (String, String, String) {
    let parts: Vec<_> = traceparent.split('-').collect();
    let [version, trace, span, flags] = parts[..] else {
        panic!("{traceparent}");
    };
    assert_eq!((version, trace.len(), span.len()), ("00", 32, 16));
    (trace.into(), span.into(), flags.into())
}

#[tokio::test]
async fn a_trace_goes_on_through_us_with_our_span_between_client_and_server() {
    let (origin, collector) = (Origin::saying("hello").await, Collector::start().await);
    let proxy = Proxy::with(&web(&collector, ", service: edge"), &[&origin]).await;
    let lines = [
        &*said("01"),
        "tracestate: congo=t61rcWkgMzE,a=1",
        "tracestate: b=2",
    ];
    let answer = proxy
        .client()
        .await
        .ask("GET", "/a?secret", &lines, b"")
        .await;
    assert_eq!((answer.status(), answer.has("traceparent")), (200, false));
    let request = origin.only_request();
    let (trace, span, flags) = told(&request);
    assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "01"));
    assert_ne!(span, PARENT);
    let state = ["congo=t61rcWkgMzE,a=1", "b=2"];
    assert_eq!(request.all("tracestate"), state);

    let exported = collector.span("/a").await;
    assert_eq!((exported.trace(), exported.id()), (trace, span));
    assert_eq!(exported.parent(), PARENT);
    assert_eq!(exported.span.trace_state, state.join(","));
    assert_eq!(exported.service, "edge");
    assert_eq!(exported.span.name, "GET */");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("server.address", "test"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("simplon.upstream", "web"),
        ("simplon.server", &origin.to_string()),
    ] {
        assert_eq!(exported.says(key).as_deref(), Some(value), "{key}");
    }
    let pick = format!("pick {origin}");
    assert_eq!(exported.events(), [&pick, "first_byte"]);
    assert!(!format!("{exported:?}").contains("secret"));
    let line = proxy.logged(|line| line["path"] == "/a").await;
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(
        exported.says("simplon.request_id").as_deref(),
        line["request_id"].as_str()
    );
}

#[tokio::test]
async fn a_request_that_names_no_trace_or_no_sound_one_begins_its_own() {
    let (origin, collector) = (Origin::saying("hello").await, Collector::start().await);
    let text = web(&collector, "").replace(
        "{ upstream: web }",
        "{ upstream: web, headers: { response: { set: { X-Trace: '{trace_id}' } } } }",
    );
    let proxy = Proxy::with(&text, &[&origin]).await;
    let (good, upper) = (said("01"), said("01").to_uppercase());
    let zero = good.replace(TRACE, &"0".repeat(32));
    let state = "tracestate: a=1";
    let mut traces = std::collections::HashSet::new();
    for (nth, lines) in [
        &[][..],
        &[state],
        &[&upper, state],
        &[&zero, state],
        &[&good, &good, state],
        &["traceparent: ", state],
    ]
    .iter()
    .enumerate()
    {
        let path = format!("/{nth}");
        let answer = proxy.client().await.ask("GET", &path, lines, b"").await;
        let request = origin.requests().pop().unwrap();
        let (trace, span, flags) = told(&request);
        assert_ne!(trace, TRACE, "{lines:?}");
        assert!(traces.insert(trace.clone()), "{lines:?}");
        assert_eq!(
            (flags.as_str(), request.has("tracestate")),
            ("01", false),
            "{lines:?}"
        );
        assert_eq!(answer.field("x-trace"), Some(&*trace));
        let exported = collector.span(&path).await;
        assert_eq!(
            (exported.trace(), exported.id(), exported.parent()),
            (trace, span, String::new())
        );
    }
}

#[tokio::test]
async fn a_retry_is_an_event_of_the_span_that_all_servers_are_told_of() {
    let ill = Origin::answering(|_| Reply::new(503, "ill")).await;
    let (well, collector) = (Origin::saying("well").await, Collector::start().await);
    let dead = free_port();
    let text = web(&collector, "").replace(
        "servers: [$1]",
        "servers: [$1, { address: $2, backup: true }], retries: { on: [connect, reset, 503] }",
    );
    let proxy = Proxy::with(&text, &[&ill, &well]).await;
    assert_eq!(proxy.get("/status").await.text(), "well");
    let exported = collector.span("/status").await;
    for origin in [&ill, &well] {
        assert_eq!(told(&origin.only_request()).1, exported.id());
    }
    assert_eq!(
        exported.events(),
        [
            format!("pick {ill}"),
            "first_byte".to_owned(),
            format!("retry {ill} status"),
            format!("pick {well}"),
            "first_byte".to_owned(),
        ]
    );
    assert_eq!(exported.says("simplon.retries").as_deref(), Some("1"));

    proxy.rewrite(&text.replace("[$1,", &format!("['127.0.0.1:{dead}',")));
    proxy.reload().await;
    assert_eq!(proxy.get("/connect").await.text(), "well");
    let events = collector.span("/connect").await.events();
    assert_eq!(events[1], format!("retry 127.0.0.1:{dead} connect"));
}

#[tokio::test]
async fn what_we_refuse_is_told_with_its_reason() {
    let collector = Collector::start().await;
    let dead = free_port();
    let text = web(&collector, "").replace("[$1]", &format!("['127.0.0.1:{dead}']"));
    let proxy = Proxy::with(&text, &[]).await;
    assert_eq!(proxy.get("/refused").await.status(), 502);
    let exported = collector.span("/refused").await;
    assert_eq!(
        exported.says("simplon.refusal").as_deref(),
        Some("connect_failed")
    );
    assert_eq!(
        exported.says("error.type").as_deref(),
        Some("connect_failed")
    );
    assert_eq!(exported.events().last().unwrap(), "refusal connect_failed");
    assert_eq!(exported.span.status.unwrap().code, 2);
}

#[tokio::test]
async fn a_client_does_not_decide_what_is_sampled_and_a_trusted_proxy_does() {
    let (origin, collector) = (Origin::saying("hello").await, Collector::start().await);
    for (keys, top, said_flags, flags) in [
        (", sample: 0%", "", "01", "00"),
        (", sample: 100%", "", "00", "01"),
        (", sample: 0%", "trusted_proxies: [127.0.0.1]", "01", "01"),
        (", sample: 100%", "trusted_proxies: [127.0.0.1]", "00", "00"),
    ] {
        let text = format!("{}\n        {top}\n", web(&collector, keys));
        let mut proxy = Proxy::with(&text, &[&origin]).await;
        let (asked, before) = (said(said_flags), collector.spans().len());
        proxy.client().await.ask("GET", "/", &[&asked], b"").await;
        let (trace, _, found) = told(&origin.requests().pop().unwrap());
        assert_eq!(
            (trace.as_str(), found.as_str()),
            (TRACE, flags),
            "{keys} {top}"
        );
        proxy.logged(|line| line["trace_id"] == TRACE).await;
        proxy.signal(rustix::process::Signal::TERM);
        proxy.ended().await; // what there is has been sent then
        let sent = collector.spans().len() - before;
        assert_eq!(sent, usize::from(flags == "01"), "{keys} {top}");
    }
}

#[tokio::test]
async fn strangers_traces_end_at_the_edge_if_it_is_told_so() {
    let (origin, collector) = (Origin::saying("hello").await, Collector::start().await);
    for (follow, top, goes_on) in [
        ("trusted", "", false),
        ("trusted", "trusted_proxies: [127.0.0.1]", true),
        ("none", "trusted_proxies: [127.0.0.1]", false),
    ] {
        let text = web(&collector, &format!(", follow: {follow}"));
        let proxy = Proxy::with(&format!("{text}\n        {top}\n"), &[&origin]).await;
        let lines = [&*said("01"), "tracestate: a=1"];
        proxy.client().await.ask("GET", "/", &lines, b"").await;
        let request = origin.requests().pop().unwrap();
        assert_eq!(told(&request).0 == TRACE, goes_on, "{follow} {top}");
        assert_eq!(request.has("tracestate"), goes_on, "{follow} {top}");
    }
}

#[tokio::test]
async fn a_trace_goes_on_by_http_2_on_both_sides() {
    let (origin, collector) = (H2Origin::start().await, Collector::start().await);
    let text = web(&collector, "").replace("[$1] }", &format!("['{origin}'], protocol: h2c }}"));
    let text = format!(
        "{text}
        listeners: {{ https: {{ bind: '127.0.0.1:$https', tls: intermediate }} }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        "
    );
    let proxy = Proxy::with(&text, &[]).await;
    let client = proxy.h2_client("localhost").await;
    let request = http::Request::get("https://localhost/h2")
        .header("traceparent", said("01").split_once(": ").unwrap().1)
        .body(())
        .unwrap();
    assert_eq!(client.ask(request, b"").await.status, 200);
    let exported = collector.span("/h2").await;
    let heads = origin.heads();
    let (trace, span, _) = split(heads[0].headers["traceparent"].to_str().unwrap());
    assert_eq!(
        (trace.as_str(), exported.parent().as_str()),
        (TRACE, PARENT)
    );
    assert_eq!(span, exported.id());
    assert_eq!(
        exported.says("network.protocol.version").as_deref(),
        Some("2")
    );
    assert_eq!(exported.says("url.scheme").as_deref(), Some("https"));
}

#[tokio::test]
async fn a_server_that_decides_is_told_of_our_span_too() {
    let (origin, collector) = (Origin::saying("hello").await, Collector::start().await);
    let judge = Origin::saying("yes").await;
    let text = web(&collector, "")
        .replace(
            "servers: [$1] }",
            "servers: [$1] }, judge: { servers: [$2] }",
        )
        .replace(
            "{ upstream: web }",
            "{ upstream: web, forward_auth: { upstream: judge, path: /may } }",
        );
    let proxy = Proxy::with(&text, &[&origin, &judge]).await;
    let answer = proxy
        .client()
        .await
        .ask("GET", "/", &[&said("01")], b"")
        .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(told(&judge.only_request()), told(&origin.only_request()));
    assert_eq!(told(&judge.only_request()).0, TRACE);
}

#[tokio::test]
async fn without_the_key_headers_pass_as_they_came() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    for lines in [
        &[][..],
        &[
            "traceparent: 00-strange",
            "tracestate: =,=",
            "tracestate: b=2",
        ],
        &[&*said("01"), "traceparent: twice"],
    ] {
        proxy.client().await.ask("GET", "/", lines, b"").await;
        let request = origin.requests().pop().unwrap();
        let mut seen: Vec<_> = ["traceparent", "tracestate"]
            .iter()
            .flat_map(|name| {
                request
                    .all(name)
                    .into_iter()
                    .map(move |value| format!("{name}: {value}"))
            })
            .collect();
        seen.sort();
        let mut sent = lines.to_vec();
        sent.sort_unstable();
        assert_eq!(seen, sent);
    }
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert!(line["trace_id"].is_null() && line.as_object().unwrap().contains_key("trace_id"));
}
