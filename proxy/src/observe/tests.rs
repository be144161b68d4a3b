//! What a scrape shows, from requests counted to text.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::*;
use crate::config::model;

mod families;

const REFUSALS: &[&str] = &["no_route", "malformed"];
const CONNECTION_REFUSALS: &[&str] = &["client_cap"];

/// Two servers, one of them in trouble and with a hostile name.
struct Pair;

impl Certificates for Pair {
    fn each_host(&self, see: &mut dyn FnMut(CertificateView<'_>)) {
        see(CertificateView {
            host: "a.test",
            not_after: Some(UNIX_EPOCH + Duration::from_millis(1_795_246_500_900)),
            is_temporary: false,
            problem: None,
            reason: None,
            window: Some((
                UNIX_EPOCH + Duration::from_secs(1),
                UNIX_EPOCH + Duration::from_secs(2),
            )),
            next: Some(UNIX_EPOCH + Duration::from_secs(2)),
        });
        see(CertificateView {
            host: "*.b.test",
            not_after: None,
            is_temporary: true,
            problem: Some(format!("the CA says \"no\"{}", "!".repeat(1000))),
            reason: Some("refused"),
            window: None,
            next: None,
        });
    }
}

fn upstreams() -> Vec<UpstreamView> {
    let good = ServerView {
        name: "10.0.0.1:80".to_owned(),
        state: "UP".to_owned(),
        up: true,
        weight: 1,
        in_flight: 3,
        picks: 10,
        successes: 9,
        failures: [0, 1, 0, 0, 0],
        changed_seconds_ago: 60,
        ..ServerView::default()
    };
    let bad = ServerView {
        name: "b\"\\\n".to_owned(),
        up: false,
        ejected: true,
        ..good.clone()
    };
    vec![UpstreamView {
        name: "web".to_owned(),
        panic: true,
        servers: vec![good, bad],
        ..UpstreamView::default()
    }]
}

impl Metrics {
    /// A scrape in the text format.
    pub(crate) fn text(
        &self,
        upstreams: &[UpstreamView],
        certificates: &dyn Certificates,
    ) -> String {
        self.scrape(Format::Text, upstreams, certificates)
    }

    fn scrape(
        &self,
        format: Format,
        upstreams: &[UpstreamView],
        certificates: &dyn Certificates,
    ) -> String {
        let mut page = Exposition::new(format);
        let scene = Scene {
            upstreams,
            listeners: &[],
            certificates,
            limiters: &[],
        };
        self.write(scene, &mut page);
        page.finish()
    }
}

fn observer() -> Observer {
    let metrics = Metrics::new(REFUSALS, CONNECTION_REFUSALS, UNIX_EPOCH).unwrap();
    Observer::new(metrics, AccessLog::off())
}

fn of(route: &RouteMeters) -> Places<'_> {
    Places {
        route: Some(route),
        ..Places::default()
    }
}

pub(super) fn record() -> Record<'static> {
    Record {
        listener: "public",
        method: "GET",
        host: "example.ch",
        path: "/",
        status: 200,
        bytes_out: 2,
        route: "home",
        upstream: "web",
        server: "10.0.0.1:80",
        request_id: "1",
        timers: Timers {
            queue: None,
            connect: Some(Duration::from_millis(2)),
            first_byte: Some(Duration::from_millis(40)),
            total: Duration::from_millis(70),
        },
        ..Record::of(SystemTime::now(), IpAddr::from([192, 0, 2, 1]))
    }
}

/// All samples by name and labels. Checks each line on the way, and that each family is introduced
/// once, by HELP and TYPE, before its samples.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut helped, mut typed) = (BTreeSet::new(), BTreeMap::new());
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(!words.is_empty() && helped.insert(name), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(helped.contains(name), "{line}");
            let kinds = ["counter", "gauge", "histogram", "summary"];
            assert!(kinds.contains(&kind), "{line}");
            assert_eq!(typed.insert(name, kind), None, "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix))
                .find(|family| typed.get(family) == Some(&"histogram"))
                .unwrap_or(name);
            assert!(typed.contains_key(family), "{line}");
            assert_eq!(
                samples.insert(sample.to_owned(), value.parse().unwrap()),
                None,
                "{line}"
            );
        }
    }
    samples
}

#[test]
fn a_request_is_counted_by_route_class_and_upstream() {
    let observer = observer();
    let meters = observer.metrics.route("home", "web");
    observer.record(&record(), of(&meters), &Log::default());
    observer.record(
        &Record {
            status: 503,
            retries: 2,
            ..record()
        },
        of(&meters),
        &Log::default(),
    );
    let text = observer.metrics.text(&upstreams(), &Pair);
    let samples = samples(&text);
    let expected = [
        (
            r#"simplon_requests_total{class="2xx",route="home",upstream="web"}"#,
            1.0,
        ),
        (
            r#"simplon_requests_total{class="5xx",route="home",upstream="web"}"#,
            1.0,
        ),
        (
            r#"simplon_requests_total{class="4xx",route="home",upstream="web"}"#,
            0.0,
        ),
        (
            r#"simplon_request_duration_seconds_count{route="home",upstream="web"}"#,
            2.0,
        ),
        (
            r#"simplon_request_duration_seconds_bucket{route="home",upstream="web",le="0.05"}"#,
            0.0,
        ),
        (
            r#"simplon_request_duration_seconds_bucket{route="home",upstream="web",le="0.1"}"#,
            2.0,
        ),
        (
            r#"simplon_upstream_first_byte_seconds_bucket{upstream="web",le="0.05"}"#,
            2.0,
        ),
        (
            r#"simplon_upstream_connect_seconds_count{upstream="web"}"#,
            2.0,
        ),
        (r#"simplon_retries_total{upstream="web"}"#, 2.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name} in\n{text}");
    }
    assert_eq!(meters.requests(), [0, 1, 0, 0, 1]);
}

#[test]
fn every_status_falls_into_a_class() {
    let observer = observer();
    let meters = observer.metrics.route("home", "");
    for status in [0, 101, 204, 308, 499, 500, 999] {
        observer.record(&Record { status, ..record() }, of(&meters), &Log::default());
    }
    assert_eq!(meters.requests(), [2, 1, 1, 1, 2]);
}

#[test]
fn a_tunnel_counts_as_a_request_but_not_as_a_slow_one() {
    let observer = observer();
    let meters = observer.metrics.route("home", "web");
    observer.record(
        &Record {
            status: 101,
            upgraded: true,
            ..record()
        },
        of(&meters),
        &Log::default(),
    );
    let samples = samples(&observer.metrics.text(&upstreams(), &Pair));
    let duration = r#"simplon_request_duration_seconds_count{route="home",upstream="web"}"#;
    assert_eq!(samples.get(duration), Some(&0.0));
    assert_eq!(meters.requests(), [1, 0, 0, 0, 0]);
}

#[test]
fn refusals_are_counted_by_reason_and_none_is_lost() {
    let observer = observer();
    let meters = observer.metrics.route("none", "");
    for refusal in ["no_route", "no_route", "unheard_of"] {
        observer.record(
            &Record {
                refusal: Some(refusal),
                ..record()
            },
            of(&meters),
            &Log::default(),
        );
    }
    let samples = samples(&observer.metrics.text(&upstreams(), &Pair));
    for (reason, count) in [("no_route", 2.0), ("malformed", 0.0), ("other", 1.0)] {
        let name = format!(r#"simplon_refusals_total{{reason="{reason}"}}"#);
        assert_eq!(samples.get(&name), Some(&count), "{name}");
    }
}

#[test]
fn series_of_a_route_stay_over_a_reload_and_go_with_the_last_snapshot() {
    let observer = observer();
    let before = observer.metrics.route("home", "web");
    observer.record(&record(), of(&before), &Log::default());
    let after = observer.metrics.route("home", "web");
    drop(before);
    assert_eq!(after.requests(), [0, 1, 0, 0, 0]);
    assert!(
        observer
            .metrics
            .text(&upstreams(), &Pair)
            .contains(r#"route="home""#)
    );

    let elsewhere = observer.metrics.route("other", "web");
    drop(after);
    let text = observer.metrics.text(&upstreams(), &Pair);
    assert!(!text.contains(r#"route="home""#), "{text}");
    assert!(
        text.contains(r#"simplon_retries_total{upstream="web"}"#),
        "still used elsewhere"
    );
    drop(elsewhere);
    assert!(
        !observer
            .metrics
            .text(&upstreams(), &Pair)
            .contains("simplon_retries_total")
    );
    let left: Vec<_> = observer
        .metrics
        .routes()
        .iter()
        .map(|route| route.route().to_owned())
        .collect();
    assert_eq!(left, ["none"], "what was answered before a route was found");
}

#[test]
fn a_listener_counts_connections_as_long_as_they_last() {
    let observer = observer();
    let meters = observer.metrics.listener("public");
    let (one, two) = (meters.connected(), meters.connected());
    drop(one);
    meters.refused("client_cap");
    meters.handshake_failed();
    assert_eq!(
        (meters.current(), meters.total(), meters.total_refused()),
        (1, 2, 1)
    );
    let shown = samples(&observer.metrics.text(&upstreams(), &Pair));
    let expected = [
        (r#"simplon_connections{listener="public"}"#, 1.0),
        (r#"simplon_connections_total{listener="public"}"#, 2.0),
        (
            r#"simplon_connections_refused_total{listener="public",reason="client_cap"}"#,
            1.0,
        ),
        (
            r#"simplon_tls_handshake_failures_total{listener="public"}"#,
            1.0,
        ),
    ];
    for (name, value) in expected {
        assert_eq!(shown.get(name), Some(&value), "{name}");
    }

    drop(meters);
    assert!(
        observer
            .metrics
            .text(&upstreams(), &Pair)
            .contains("public"),
        "a connection is left"
    );
    drop(two);
    assert!(
        !observer
            .metrics
            .text(&upstreams(), &Pair)
            .contains("public")
    );
}

#[test]
fn servers_are_shown_as_they_are_at_the_scrape() {
    let samples = samples(&observer().metrics.text(&upstreams(), &Pair));
    let expected = [
        (
            r#"simplon_server_up{upstream="web",server="10.0.0.1:80"}"#,
            1.0,
        ),
        (r#"simplon_server_up{upstream="web",server="b\"\\\n"}"#, 0.0),
        (
            r#"simplon_server_ejected{upstream="web",server="b\"\\\n"}"#,
            1.0,
        ),
        (
            r#"simplon_server_in_flight{upstream="web",server="10.0.0.1:80"}"#,
            3.0,
        ),
        (
            r#"simplon_server_picks_total{upstream="web",server="10.0.0.1:80"}"#,
            10.0,
        ),
        (
            r#"simplon_server_failures_total{upstream="web",server="10.0.0.1:80",kind="reset"}"#,
            1.0,
        ),
        (r#"simplon_upstream_panic{upstream="web"}"#, 1.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name}");
    }
}

#[test]
fn the_configuration_and_the_process_are_told_of() {
    let observer = observer();
    let at = UNIX_EPOCH + Duration::from_millis(1_500);
    observer.metrics.reload_succeeded(1, UNIX_EPOCH);
    observer.metrics.reload_failed(at);
    observer.metrics.access_log_dropped().inc_by(4);
    let samples = samples(&observer.metrics.text(&upstreams(), &Pair));
    let version = env!("CARGO_PKG_VERSION");
    let build = format!(r#"simplon_build_info{{version="{version}"}}"#);
    let expected = [
        ("simplon_config_last_reload_success", 0.0),
        ("simplon_config_last_reload_timestamp_seconds", 1.5),
        ("simplon_config_generation", 1.0),
        (r#"simplon_config_reloads_total{result="success"}"#, 1.0),
        (r#"simplon_config_reloads_total{result="failure"}"#, 1.0),
        ("simplon_access_log_dropped_total", 4.0),
        ("simplon_process_start_time_seconds", 0.0),
        (&build, 1.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name}");
    }
    assert!(samples.contains_key("process_open_fds"));
}

#[test]
fn a_record_reaches_the_log_as_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let metrics = Metrics::new(REFUSALS, CONNECTION_REFUSALS, UNIX_EPOCH).unwrap();
    let target = model::AccessLog::File(path.clone());
    let log = AccessLog::open(&target, metrics.access_log_dropped()).unwrap();
    let observer = Observer::new(metrics, log);
    let meters = observer.metrics.route("home", "web");
    for path in ["/one", "/two\n"] {
        observer.record(&Record { path, ..record() }, of(&meters), &Log::default());
    }
    assert!(observer.access_log.close(Duration::from_secs(10)));
    let text = std::fs::read_to_string(&path).unwrap();
    let paths: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].clone())
        .collect();
    assert_eq!(paths, ["/one", "/two\n"]);
}

#[test]
fn a_certificate_tells_when_it_ends_unless_it_is_temporary() {
    let samples = samples(&observer().metrics.text(&upstreams(), &Pair));
    let value = |name: &str| samples.get(name).copied();
    for (series, expected) in [
        (
            r#"simplon_certificate_not_after_seconds{host="a.test"}"#,
            Some(1_795_246_500.0),
        ),
        (
            r#"simplon_certificate_not_after_seconds{host="*.b.test"}"#,
            None,
        ),
        (r#"simplon_certificate_temporary{host="a.test"}"#, Some(0.0)),
        (
            r#"simplon_certificate_temporary{host="*.b.test"}"#,
            Some(1.0),
        ),
        (
            r#"simplon_certificate_failing{host="*.b.test",reason="refused"}"#,
            Some(1.0),
        ),
        (
            &*format!(
                r#"simplon_certificate_problem{{host="*.b.test",problem="the CA says \"no\"{}"}}"#,
                "!".repeat(200 - 16)
            ),
            Some(1.0),
        ),
        (
            r#"simplon_certificate_renewal_window_seconds{host="a.test",edge="end"}"#,
            Some(2.0),
        ),
        (
            r#"simplon_certificate_next_order_seconds{host="a.test"}"#,
            Some(2.0),
        ),
    ] {
        assert_eq!(value(series), expected, "{series}");
    }
}
