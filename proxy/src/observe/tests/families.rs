//! Every family that there is: by which labels, in both formats, and with room for few.

use super::*;

/// All labels that a series may have. Each has few values, or as many as the configuration names. What a client says is none of
/// them: it could say something else in each request.
const LABELS: [&str; 25] = [
    "blame",
    "class",
    "coding",
    "direction",
    "edge",
    "host",
    "issuer",
    "kind",
    "le",
    "level",
    "limit",
    "listener",
    "policy",
    "problem",
    "protocol",
    "quantile",
    "reason",
    "result",
    "route",
    "server",
    "state",
    "store",
    "upstream",
    "verdict",
    "version",
];

const HOSTILE: &str = "hostile";

/// What a client says, everywhere where it can say something.
fn hostile() -> Record<'static> {
    Record {
        method: HOSTILE,
        host: HOSTILE,
        path: HOSTILE,
        user: HOSTILE,
        request_id: HOSTILE,
        user_agent: HOSTILE.as_bytes(),
        referer: HOSTILE.as_bytes(),
        tls: Some(Tls {
            version: "TLSv1.3",
            cipher: "any",
            sni: HOSTILE,
            resumed: false,
            client: HOSTILE,
        }),
        retries: 1,
        blame: Some(Blame::Cut),
        refusal: Some("unheard_of"),
        ..record()
    }
}

fn limiter(limit: &str) -> LimiterView {
    LimiterView {
        policy: PolicyLabel::RateLimit,
        limit: limit.to_owned(),
        keys: 1,
        capacity: 10,
        evictions: 0,
    }
}

/// A scrape with something in each family.
fn full(metrics: &Metrics, format: Format) -> String {
    let mut upstreams = upstreams();
    for server in &mut upstreams[0].servers {
        server.check = Some(CheckView {
            took_ms: 12,
            ..CheckView::default()
        });
    }
    let mut page = Exposition::new(format);
    let scene = Scene {
        upstreams: &upstreams,
        listeners: &[("public", 100)],
        certificates: &Pair,
        limiters: &[limiter("home: 1")],
    };
    metrics.write(scene, &mut page);
    events::write(&Events::default(), &mut page);
    page.finish()
}

/// Everything that can be counted, once. The meters are returned, as their series end with them.
fn counted(observer: &Observer) -> impl Sized + use<> {
    let metrics = &observer.metrics;
    let (route, listener) = (metrics.route("home", "web"), metrics.listener("public"));
    let (server, store) = (ServerMeters::default(), metrics.store("redis.test:6379"));
    let places = Places {
        listener: Some(&listener),
        route: Some(&route),
        server: Some(&server),
    };
    observer.record(&hostile(), places, &Log::default());
    route.ruled(PolicyLabel::Access, Ruling::Refused);
    listener.refused(HOSTILE);
    store.took(Duration::from_millis(1));
    metrics.issuers.ordered("ca", true);
    metrics.issuers.renewed("a.test");
    metrics.issuers.failed("a.test");
    metrics.codings.compressed("br", 2, 1);
    metrics.codings.skipped(HOSTILE);
    metrics.password_checked(HOSTILE);
    (route, listener, store)
}

/// Names of the labels of a line, and their values as they are written.
fn labels(line: &str) -> Vec<(&str, &str)> {
    let Some((_, mut rest)) = line.split_once('{') else {
        return Vec::new();
    };
    let mut labels = Vec::new();
    while let Some((name, more)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = more.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let (value, more) = more.split_at(end.unwrap());
        labels.push((name.trim_start_matches(','), value));
        rest = &more[1..];
    }
    labels
}

#[test]
fn no_label_is_what_a_client_says() {
    let observer = observer();
    let _held = counted(&observer);
    let text = full(&observer.metrics, Format::Text);
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        for (name, value) in labels(line) {
            assert!(LABELS.contains(&name), "{name} in {line}");
            assert!(!value.contains(HOSTILE), "{line}");
            seen.insert(name);
        }
    }
    // So nothing was forgotten here either.
    let unseen: Vec<_> = LABELS.iter().filter(|name| !seen.contains(*name)).collect();
    assert_eq!(unseen, Vec::<&&str>::new());
    assert!(samples(&text).len() > 200, "{text}");
}

#[test]
fn openmetrics_has_the_same_samples_and_an_end() {
    let observer = observer();
    let _held = counted(&observer);
    let (text, open) = (
        full(&observer.metrics, Format::Text),
        full(&observer.metrics, Format::OpenMetrics),
    );
    let names = |text: &str| -> BTreeSet<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    assert_eq!(names(&text), names(&open));
    assert!(
        open.ends_with("\n# EOF\n") && !text.contains("# EOF"),
        "{open}"
    );
    for line in [
        "# TYPE simplon_requests counter",
        "# TYPE simplon_listener_bytes counter",
        "# UNIT simplon_listener_bytes bytes",
        "# UNIT simplon_request_duration_seconds seconds",
        "# TYPE simplon_route_latency_seconds summary",
        "# TYPE simplon_server_state gauge",
    ] {
        assert!(open.lines().any(|other| other == line), "{line} in\n{open}");
    }
    assert!(!open.contains("_total counter"), "{open}");
}

#[test]
fn what_has_no_room_is_counted_together_and_said() {
    let observer = observer();
    let metrics = &observer.metrics;
    assert_eq!(metrics.set_max_series(2), 20_000);
    // `none` is there already.
    let kept = ["one", "two", "three"].map(|route| metrics.route(route, ""));
    for route in &kept {
        observer.record(&record(), of(route), &Log::default());
    }
    let server = upstreams()[0].servers[0].clone();
    let named = |name: &str| ServerView {
        name: name.to_owned(),
        ..server.clone()
    };
    let upstream = |name: &str, servers: &[&str]| UpstreamView {
        name: name.to_owned(),
        in_flight: 1,
        servers: servers.iter().map(|name| named(name)).collect(),
        ..UpstreamView::default()
    };
    let upstreams = [
        upstream("a", &["1", "2", "3", "4"]),
        upstream("b", &["5"]),
        upstream("c", &["6", "7"]),
        upstream("d", &[]),
    ];
    let samples = samples(&metrics.text(&upstreams, &Three));
    for (series, value) in [
        (
            r#"simplon_requests_total{class="2xx",route="one",upstream=""}"#,
            1.0,
        ),
        (
            r#"simplon_requests_total{class="2xx",route="overflow",upstream="overflow"}"#,
            2.0,
        ),
        (r#"simplon_upstream_in_flight{upstream="b"}"#, 1.0),
        (r#"simplon_upstream_in_flight{upstream="overflow"}"#, 2.0),
        (
            r#"simplon_server_picks_total{upstream="a",server="2"}"#,
            10.0,
        ),
        (
            r#"simplon_server_picks_total{upstream="a",server="overflow"}"#,
            20.0,
        ),
        (
            r#"simplon_server_picks_total{upstream="b",server="overflow"}"#,
            10.0,
        ),
        (
            r#"simplon_server_picks_total{upstream="overflow",server="overflow"}"#,
            20.0,
        ),
        (
            r#"simplon_server_state{upstream="a",server="overflow",state="up"}"#,
            2.0,
        ),
        (
            r#"simplon_certificate_not_after_seconds{host="overflow"}"#,
            3.0,
        ),
        (r#"simplon_certificate_temporary{host="overflow"}"#, 1.0),
        // Two routes; two upstreams, three servers and two hosts.
        ("simplon_metrics_overflow_total", 2.0 + 2.0 + 5.0 + 2.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
    let servers = samples
        .keys()
        .filter(|name| name.starts_with("simplon_server_up{"));
    assert_eq!(servers.count(), 5);
}

/// Hosts whose certificates end after 9, 8 … seconds.
struct Three;

impl Certificates for Three {
    fn each_host(&self, see: &mut dyn FnMut(CertificateView<'_>)) {
        for (host, ends) in [("a", 9), ("b", 8), ("c", 7), ("d", 3)] {
            see(CertificateView {
                host,
                not_after: Some(UNIX_EPOCH + Duration::from_secs(ends)),
                is_temporary: host == "c",
                problem: None,
                reason: None,
                window: None,
                next: None,
            });
        }
    }
}

#[test]
fn a_server_is_in_one_state_at_a_time() {
    for (state, label) in [
        ("UP", "up"),
        ("UP 2/3", "up"),
        ("DOWN", "down"),
        ("DOWN 1/2", "down"),
        ("DRAIN", "drain"),
        ("MAINT", "maint"),
        ("EJECTED", "ejected"),
        ("UNRESOLVED", "unresolved"),
        ("no check", "no_check"),
    ] {
        let mut upstreams = upstreams();
        upstreams[0].servers.truncate(1);
        state.clone_into(&mut upstreams[0].servers[0].state);
        let samples = samples(&observer().metrics.text(&upstreams, &Pair));
        let are: Vec<_> = samples
            .iter()
            .filter(|(name, value)| name.starts_with("simplon_server_state{") && **value > 0.0)
            .map(|(name, _)| name.as_str())
            .collect();
        let expected = format!(
            r#"simplon_server_state{{upstream="web",server="10.0.0.1:80",state="{label}"}}"#
        );
        assert_eq!(are, [expected], "{state}");
    }
}

#[test]
fn percentiles_of_the_last_minute_are_not_averaged_over_routes() {
    let observer = observer();
    let (slow, fast) = (
        observer.metrics.route("slow", "web"),
        observer.metrics.route("fast", "web"),
    );
    for (route, millis) in [(&slow, 2000), (&fast, 2)] {
        let mut record = record();
        record.timers.total = Duration::from_millis(millis);
        for _ in 0..50 {
            observer.record(&record, of(route), &Log::default());
        }
    }
    let text = observer.metrics.text(&upstreams(), &Pair);
    let samples = samples(&text);
    let of_route = |route: &str, quantile: &str| {
        let labels = format!(r#"route="{route}",upstream="web",quantile="{quantile}""#);
        samples[&format!("simplon_route_latency_seconds{{{labels}}}")]
    };
    assert!(
        of_route("slow", "0.5") > 1.8 && of_route("fast", "0.99") < 0.003,
        "{text}"
    );
    let of_upstream = |quantile: &str| {
        let labels = format!(r#"upstream="web",quantile="{quantile}""#);
        samples[&format!("simplon_upstream_latency_seconds{{{labels}}}")]
    };
    assert!(
        of_upstream("0.5") < 0.003 && of_upstream("0.95") > 1.8,
        "{text}"
    );
}
