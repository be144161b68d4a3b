//! What scrapers get: in the judgement of Prometheus' own programs, from an edge that has much to tell.

use std::{process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command};

use crate::harness::{Client, Load, Message, Origin, Proxy, Redis, Reply, in_time, tool, until};

const OPEN: &str = "application/openmetrics-text;version=1.0.0";

/// What Prometheus 2.42 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// Reads all families by the parser whose module is its argument, and prints what each is called and is.
const PARSE: &str = "
import importlib, sys
parser = importlib.import_module(sys.argv[1])
for family in parser.text_string_to_metric_families(sys.stdin.read()):
    print(family.name, family.type, len(family.samples), family.unit)
";

const TEXT: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    limits_store: { url: $store, timeout: 5s }
    upstreams:
      web: { servers: [$1, $2], health: { path: /health, interval: 100ms } }
      away: { servers: [127.0.0.1:$other], health: { tcp: true, interval: 100ms, fall: 1 } }
    routes:
      - { path: /limited, upstream: web, rate_limit: { rate: 1/h } }
      - { path: /shut, upstream: web, access: { deny: [127.0.0.0/8] } }
      - { path: /away, upstream: away }
      - { path: /said, respond: { body: hello } }
      - { upstream: web, max_in_flight: { max: 100 }, compress: { min_size: 10, cpu_guard: false } }
";

async fn scrape(proxy: &Proxy, accept: &str) -> Message {
    let mut client = Client::connect(proxy.admin_port()).await;
    let accept = format!("accept: {accept}");
    let lines = ["host: localhost", &accept];
    client.ask("GET", "/metrics", &lines, b"").await
}

/// What a program says to this input, and whether it is content.
async fn judged(program: &mut Command, input: &str) -> (bool, String) {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{program:?}: {error}; tests/run installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let output = in_time("the judgement", child.wait_with_output()).await;
    let output = output.unwrap();
    writing.await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn parsed(module: &str, text: &str) -> String {
    let mut python = Command::new(tool("parser/bin/python"));
    let (is_good, said) = judged(python.args(["-c", PARSE, module]), text).await;
    assert!(is_good, "{said}\n{text}");
    said
}

#[tokio::test]
async fn prometheus_own_programs_have_nothing_to_say_against_our_metrics() {
    let store = Redis::start().await;
    let (one, two) = (
        Origin::saying("some words").await,
        Origin::saying("some words").await,
    );
    let text = TEXT.replace("$store", &store.to_string());
    let proxy = Proxy::with(&text, &[&one, &two]).await;
    let load = Load::on(&proxy, 4);
    let secured = Load::over_tls(&proxy, "localhost", &proxy.trust(), 2);
    load.await_more(200).await;
    secured.await_more(50).await;
    for path in ["/limited", "/limited", "/shut", "/away", "/said", "/%00"] {
        proxy.get(path).await;
    }
    let mut client = proxy.client().await;
    client
        .ask("GET", "/", &["accept-encoding: gzip"], b"")
        .await;
    proxy.h2_client("localhost").await.get("/").await;
    proxy.reload().await;
    let down = [("upstream", "away"), ("state", "down")];
    proxy.await_metric("simplon_server_state", &down, 1).await;

    let plain = scrape(&proxy, "*/*").await;
    assert_eq!(
        plain.field("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let (is_good, said) = judged(
        Command::new("promtool").args(["check", "metrics"]),
        plain.text(),
    )
    .await;
    assert!(is_good && said.is_empty(), "{said}");
    let families = parsed("prometheus_client.parser", plain.text()).await;

    let open = scrape(&proxy, PROMETHEUS).await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.field("content-type"), Some(kind));
    let same = parsed("prometheus_client.openmetrics.parser", open.text()).await;
    for family in [
        "simplon_requests counter",
        "simplon_listener_requests counter",
        "simplon_upstream_latency_seconds summary",
        "simplon_route_latency_seconds summary",
        "simplon_request_duration_seconds histogram",
        "simplon_limits_store_check_seconds histogram",
        "simplon_server_check_duration_seconds gauge",
        "simplon_compressed_responses counter",
        "simplon_policy_verdicts counter",
        "process_start_time_seconds gauge",
    ] {
        for said in [&families, &same] {
            assert!(
                said.lines().any(|line| line.starts_with(family)),
                "{family} in\n{said}"
            );
        }
    }
    assert!(
        same.contains("simplon_upstream_bytes counter 4 bytes\n"),
        "{same}"
    );
    assert_eq!(load.failures().await, Vec::<String>::new());
    assert_eq!(secured.failures().await, Vec::<String>::new());
}

/// So that a judge who approves of everything is noticed.
#[tokio::test]
async fn the_judges_find_what_is_wrong() {
    let wrong = "# HELP things Of some kind.\n# TYPE things counter\nthings 1\n";
    let (is_good, said) = judged(Command::new("promtool").args(["check", "metrics"]), wrong).await;
    assert!(!is_good && said.contains("_total"), "{said}");
    let mut python = Command::new(tool("parser/bin/python"));
    let arguments = ["-c", PARSE, "prometheus_client.openmetrics.parser"];
    let (is_good, said) = judged(python.args(arguments), wrong).await;
    assert!(!is_good, "{said}");
}

#[tokio::test]
async fn a_scraper_gets_the_format_that_it_asks_for() {
    let proxy = Proxy::with("routes: [{ respond: { body: hello } }]", &[]).await;
    for (accept, is_open) in [
        ("*/*", false),
        (OPEN, true),
        (PROMETHEUS, true),
        ("text/plain;version=0.0.4", false),
        ("application/openmetrics-text;q=0.1, text/plain", false),
    ] {
        let answer = scrape(&proxy, accept).await;
        let kind = answer.field("content-type").unwrap();
        assert_eq!(
            kind.starts_with("application/openmetrics-text"),
            is_open,
            "{accept}"
        );
        assert_eq!(answer.text().ends_with("\n# EOF\n"), is_open, "{accept}");
    }
}

#[tokio::test]
async fn a_slow_route_shows_its_percentiles_and_a_fast_one_is_not_averaged_with_it() {
    let origin = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(Duration::from_millis(600)),
        _ => Reply::ok("fast"),
    })
    .await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ path: /slow, upstream: web }, { upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    for path in ["/slow", "/slow"] {
        client.get(path).await;
    }
    for _ in 0..100 {
        client.get("/fast").await;
    }
    let requests = [("route", "*/"), ("class", "2xx")];
    proxy
        .await_metric("simplon_requests_total", &requests, 100)
        .await;
    let text = scrape(&proxy, "*/*").await.text().to_owned();
    let value = |start: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("{start} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let of = |route: &str, quantile: &str| {
        value(&format!(
            "simplon_route_latency_seconds{{route=\"{route}\",upstream=\"web\",quantile=\"{quantile}\"}}"
        ))
    };
    assert!(
        of("*/slow", "0.99") > 0.5 && of("*/slow", "0.5") > 0.5,
        "{text}"
    );
    assert!(of("*/", "0.5") < 0.3, "{text}");
    let of_both = |quantile: &str| {
        let labels = format!("{{upstream=\"web\",quantile=\"{quantile}\"}}");
        value(&format!("simplon_upstream_latency_seconds{labels}"))
    };
    assert!(of_both("0.5") < 0.3 && of_both("0.99") > 0.5, "{text}");
}

#[tokio::test]
async fn what_is_more_than_max_series_is_counted_together() {
    let origin = Origin::saying("hello").await;
    let text = |most: usize| {
        format!(
            "
            metrics: {{ max_series: {most} }}
            upstreams:
              a: {{ servers: [$1] }}
              b: {{ servers: [$1, 127.0.0.1:$other] }}
            routes: [{{ path: /a, upstream: a }}, {{ path: /b, upstream: b }}]
            "
        )
    };
    let proxy = Proxy::with(&text(1), &[&origin]).await;
    for path in ["/a", "/b"] {
        proxy.get(path).await;
    }
    let together = [("route", "overflow"), ("class", "2xx")];
    proxy
        .await_metric("simplon_requests_total", &together, 2)
        .await;
    let servers = [("upstream", "overflow"), ("state", "all")];
    assert_eq!(
        proxy.metric("simplon_upstream_servers", &servers).await,
        Some(2)
    );
    assert!(proxy.metric("simplon_metrics_overflow_total", &[]).await > Some(0));

    // A reload makes room.
    proxy.rewrite(&text(10));
    proxy.reload().await;
    until("the route has series of its own", async || {
        proxy.get("/b").await;
        let own = [("route", "*/b"), ("class", "2xx")];
        proxy.metric("simplon_requests_total", &own).await > Some(0)
    })
    .await;
    assert_eq!(
        proxy.metric("simplon_upstream_servers", &servers).await,
        None
    );
}
