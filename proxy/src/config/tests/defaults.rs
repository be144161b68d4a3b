//! What a file means: every default, and every key that works.

use std::{path::Path, time::Duration};

use crate::config::{
    Config, load_with,
    model::{
        AccessLog, Action, Address, Body, CertificateSource, ClientMode, HealthCheck, HostPattern,
        Hsts, Limits, Log, LogFormat, MemoryLimit, Passive, PathPattern, Probe, Protocols,
        ProxyVersion, Retries, RetryOn, ServerLimits, Timeouts, TlsProfile, TlsSettings,
        TlsVersion, UnderscoreHeaders, UpstreamProtocol,
    },
    units::{ByteSize, Percent},
};

pub(super) fn load(text: &str) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    loaded.config
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const LEAST: &str = "
listeners: { http: { bind: ':8080' } }
upstreams: { app: { servers: [127.0.0.1:3000] } }
routes: [{ upstream: app }]
";

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = load(LEAST);
    let listener = &config.listeners[0];
    assert_eq!(&*listener.name, "http");
    let bind: Vec<_> = listener.bind.iter().map(ToString::to_string).collect();
    assert_eq!(bind, ["0.0.0.0:8080", "[::]:8080"]);
    assert!(!listener.redirect_to_https);
    assert_eq!(listener.tls, None);
    assert_eq!(listener.proxy_protocol, None);
    assert_eq!(
        listener.protocols,
        Protocols {
            h2: false,
            http1: true
        }
    );
    assert_eq!(config.admin.bind.to_string(), "127.0.0.1:8404");
    assert_eq!(config.metrics.max_series, 20_000);
    assert!(config.trusted_proxies.is_empty() && config.certificates.is_empty());
    assert_eq!(config.log.access, AccessLog::Stdout);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!((config.log.sample.get(), config.log.slow), (100, None));
    assert_eq!(config.state, Path::new("/var/lib/simplon"));
    assert_eq!(config.workers, None);
    assert_eq!(config.limits_store, None);
    assert_eq!(config.tracing, None);
    assert_eq!(config.memory_limit, MemoryLimit::Auto);
    assert!(config.express);
    assert_eq!(
        (config.drain.timeout, config.drain.delay),
        (seconds(60), Duration::ZERO)
    );
    assert_eq!(config.control.path, Path::new("/run/simplon/control.sock"));
    assert!(!config.control.required);
    let route = &config.routes[0];
    assert_eq!(route.path, PathPattern::Prefix("/".to_owned()));
    assert!(route.hosts.is_empty() && route.methods.is_none());
    let forward = Action::Forward {
        upstream: 0,
        strip_prefix: false,
    };
    assert_eq!(route.action, forward);
    assert_eq!(route.policies.hsts, None);
    assert_eq!(route.policies.basic_auth, None);
    assert_eq!(route.policies.forward_auth, None);
    assert_eq!(route.policies.compress, None);
}

#[test]
fn limits_have_the_documented_defaults() {
    let expected = Limits {
        connections: 20_000,
        connections_per_client: 256,
        handshakes: 1000,
        handshake_timeout: seconds(10),
        header_timeout: seconds(10),
        header_size: ByteSize::bytes(65_536),
        header_count: 100,
        uri_size: ByteSize::bytes(16_384),
        body_size: ByteSize::bytes(67_108_864),
        body_idle_timeout: seconds(30),
        write_idle_timeout: seconds(30),
        min_rate: ByteSize::bytes(240),
        keepalive_timeout: seconds(60),
        requests_per_connection: 10_000.try_into().unwrap(),
        streams: 100.try_into().unwrap(),
    };
    assert_eq!(load(LEAST).listeners[0].limits, expected);
}

#[test]
fn an_upstream_has_the_documented_defaults() {
    let config = load(LEAST);
    let upstream = &config.upstreams[0];
    let server = &upstream.servers[0];
    assert_eq!(
        server.address,
        Address::Socket("127.0.0.1:3000".parse().unwrap())
    );
    assert_eq!(
        (server.weight, server.max_connections, server.backup),
        (1, None, false)
    );
    assert_eq!(upstream.health, None);
    assert_eq!(upstream.protocol, UpstreamProtocol::Http1);
    assert_eq!(upstream.tls, None);
    assert_eq!(upstream.proxy_protocol, None);
    assert_eq!(upstream.sticky, None);
    assert_eq!(upstream.queue, None);
    assert_eq!(upstream.slow_start, None);
    let passive = Passive {
        failures: 5.try_into().unwrap(),
        window: seconds(10),
        eject: seconds(30),
    };
    assert_eq!(upstream.passive, passive);
    let timeouts = Timeouts {
        connect: seconds(2),
        first_byte: seconds(30),
        idle: seconds(30),
        keepalive: seconds(55),
        lifetime: seconds(3600),
        tunnel: seconds(3600),
    };
    assert_eq!(upstream.timeouts, timeouts);
    let retries = Retries {
        attempts: 2,
        budget: Percent::new(20),
        on: RetryOn {
            connect: true,
            reset: true,
            statuses: vec![],
        },
    };
    assert_eq!(upstream.retries, retries);
    let limits = ServerLimits {
        header_size: ByteSize::kib(64),
        header_count: 200,
    };
    assert_eq!(upstream.limits, limits);
}

#[test]
fn a_health_check_has_haproxys_defaults() {
    let check = |health: &str| {
        let text = LEAST.replace("[127.0.0.1:3000]", &format!("[a:1], health: {health}"));
        load(&text).upstreams[0].health.clone().unwrap()
    };
    let http = Probe::Http {
        path: "/up".to_owned(),
        expect: vec![200..=399],
    };
    let expected = HealthCheck {
        probe: http,
        interval: seconds(2),
        timeout: seconds(1),
        rise: 2.try_into().unwrap(),
        fall: 3.try_into().unwrap(),
    };
    assert_eq!(check("{ path: /up }"), expected);
    let tcp = check("{ tcp: true, interval: 200ms }");
    assert_eq!(tcp.probe, Probe::Tcp);
    assert_eq!(tcp.timeout, Duration::from_millis(200));
    let Probe::Http { expect, .. } = check("{ path: /, expect: [200, 300-302] }").probe else {
        panic!("an HTTP check");
    };
    assert_eq!(expect, [200..=200, 300..=302]);
}

#[test]
fn tls_is_a_profile_or_a_mapping() {
    let tls = |text: &str| {
        let listeners = format!("listeners: {{ a: {{ bind: 127.0.0.1:1, tls: {text} }} }}");
        let rest = "certificates: [{ hosts: localhost, self_signed: true }]\nroutes: [{ respond: { status: 204 } }]";
        load(&format!("{listeners}\n{rest}")).listeners[0]
            .tls
            .clone()
            .unwrap()
    };
    let intermediate = TlsSettings::of(TlsProfile::Intermediate);
    assert_eq!(intermediate.min_version, TlsVersion::V1_2);
    for same in [
        "intermediate",
        "{}",
        "{ profile: intermediate, min_version: 1.2 }",
    ] {
        assert_eq!(tls(same), intermediate, "{same}");
    }
    for newest in ["modern", "{ profile: modern, min_version: '1.3' }"] {
        assert_eq!(tls(newest), TlsSettings::of(TlsProfile::Modern), "{newest}");
    }
    assert_eq!(tls("{ min_version: 1.3 }").min_version, TlsVersion::V1_3);
    let clients = |text: &str| {
        let tls = tls(&format!("{{ client_certificates: {text} }}"));
        tls.client_certificates.unwrap()
    };
    let strict = clients("{ ca: ca.pem }");
    assert_eq!(
        (strict.mode, strict.ca.len(), strict.crl.len()),
        (ClientMode::Require, 1, 0)
    );
    let lax = clients("{ ca: [a.pem, /b.pem], mode: request, crl: a.crl }");
    assert_eq!(
        (lax.mode, lax.ca.len(), lax.crl.len()),
        (ClientMode::Request, 2, 1)
    );
    assert!(lax.ca[0].value.is_absolute() && lax.ca[0].value.ends_with("a.pem"));
}

#[test]
fn a_route_has_the_policies_of_the_defaults_unless_it_says_otherwise() {
    let hsts = |of_defaults: &str, of_route: &str| {
        let text = format!(
            "
listeners: {{ https: {{ bind: ':8443', tls: modern }} }}
certificates: [{{ hosts: localhost, self_signed: true }}]
defaults: {{ {of_defaults} }}
routes: [{{ respond: {{ status: 204 }}, {of_route} }}]
"
        );
        load(&text).routes[0].policies.hsts.as_deref().copied()
    };
    let long = "hsts: { max_age: 730d, include_subdomains: true, preload: true }";
    let longer = Hsts {
        max_age: seconds(730 * 86_400),
        include_subdomains: true,
        preload: true,
    };
    let over = Hsts {
        max_age: Duration::ZERO,
        ..Hsts::default()
    };
    for (of_defaults, of_route, expected) in [
        ("", "", None),
        ("hsts: false", "", None),
        ("hsts: true", "", Some(Hsts::default())),
        ("hsts: {}", "", Some(Hsts::default())),
        ("", "hsts: true", Some(Hsts::default())),
        ("hsts: false", "hsts: true", Some(Hsts::default())),
        ("hsts: true", "hsts: false", None),
        ("hsts: true", long, Some(longer)),
        // Whole values are replaced, not keys of them.
        (long, "hsts: {}", Some(Hsts::default())),
        (long, "hsts: { max_age: 0s }", Some(over)),
    ] {
        assert_eq!(
            hsts(of_defaults, of_route),
            expected,
            "{of_defaults} {of_route}"
        );
    }
}

const FULL: &str = "
listeners:
  http: { bind: 127.0.0.1:80, redirect: https }
  https:
    bind: ['127.0.0.1:443', '[::1]:443']
    tls: modern
    protocols: [http/1.1]
    underscore_headers: allow
    limits: { connections: 5, body_size: 0, header_timeout: 1500ms, streams: 7, handshakes: 20, min_rate: 1KiB }
    proxy_protocol: { from: [192.0.2.0/24, '::1'] }
admin: { bind: '[::1]:9000' }
trusted_proxies: [10.0.0.0/8, ::1]
certificates:
  - { hosts: ['*.Example.CH', localhost], self_signed: true }
upstreams:
  web: { servers: [a:1] }
  api:
    servers:
      - { address: Api.lan:80, weight: 2, max_connections: 10 }
      - { address: unix:/run/api.sock, backup: true }
    retries: { attempts: 0, budget: 5%, on: [503, connect] }
    limits: { header_size: 8KiB, header_count: 9 }
    protocol: h2c
    proxy_protocol: v2
routes:
  - { host: ['Example.ch.', '*.example.ch'], path: /api/, methods: [GET, PROPFIND], upstream: api, strip_prefix: true }
  - { exact: /old/, redirect: { to: https://example.ch/, status: 301 } }
  - { path: /teapot, respond: { status: 418, body: short } }
  - { upstream: web }
defaults: {}
log: { access: off, format: combined, sample: 10%, slow: 1s }
workers: 3
memory_limit: 2GiB
express: off
drain_timeout: 5s
drain_delay: 1s
metrics: { haproxy: true, max_series: 500 }
";

#[test]
fn the_keys_of_listeners_and_of_the_whole_reach_the_model() {
    let config = load(FULL);
    assert!(config.listeners[0].redirect_to_https);
    let https = &config.listeners[1];
    assert_eq!(https.tls, Some(TlsSettings::of(TlsProfile::Modern)));
    assert_eq!((https.protocols.h2, https.protocols.http1), (false, true));
    assert_eq!(https.underscore_headers, UnderscoreHeaders::Allow);
    let http = &config.listeners[0];
    assert_eq!(http.underscore_headers, UnderscoreHeaders::Drop);
    assert!(config.metrics.haproxy && !Config::default().metrics.haproxy);
    assert_eq!(https.limits.body_size, ByteSize::bytes(0));
    assert_eq!(https.limits.header_timeout, Duration::from_millis(1500));
    assert_eq!(https.limits.header_count, 100);
    let proxies = ["192.0.2.0/24", "::1/128"].map(|network| network.parse().unwrap());
    assert_eq!(https.proxy_protocol, Some(proxies.into_iter().collect()));
    assert_eq!(https.limits.handshakes, 20);
    assert_eq!(https.limits.min_rate, ByteSize::kib(1));
    assert_eq!(config.memory_limit, MemoryLimit::Bytes(ByteSize::gib(2)));
    assert!(!config.express);
    assert_eq!(config.admin.bind, "[::1]:9000".parse().unwrap());
    let proxies: Vec<_> = config
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
    let certificate = &config.certificates[0];
    assert_eq!(certificate.source, CertificateSource::SelfSigned);
    assert_eq!(certificate.hosts[0].value, "*.example.ch");
    let log = Log {
        access: AccessLog::Off,
        format: LogFormat::Combined,
        sample: Percent::new(10),
        slow: Some(seconds(1)),
    };
    assert_eq!(config.log, log);
    assert_eq!(config.workers.unwrap().get(), 3);
    assert_eq!(config.metrics.max_series, 500);
    assert_eq!(
        (config.drain.timeout, config.drain.delay),
        (seconds(5), seconds(1))
    );
}

#[test]
fn the_keys_of_upstreams_and_routes_reach_the_model() {
    let config = load(FULL);
    let api = &config.upstreams[1];
    let addresses: Vec<_> = api.servers.iter().map(|s| s.address.to_string()).collect();
    assert_eq!(addresses, ["api.lan:80", "unix:/run/api.sock"]);
    assert!(api.servers[1].backup);
    assert_eq!((api.retries.attempts, api.retries.budget.get()), (0, 5));
    assert_eq!(api.retries.on.statuses, [503]);
    assert!(!api.retries.on.reset);
    assert_eq!(api.limits.header_size, ByteSize::kib(8));
    assert_eq!(api.limits.header_count, 9);
    assert_eq!(api.protocol, UpstreamProtocol::H2c);
    assert_eq!(api.proxy_protocol, Some(ProxyVersion::V2));
    let first = &config.routes[0];
    let hosts = [
        HostPattern::Exact("example.ch".to_owned()),
        HostPattern::Suffix("example.ch".to_owned()),
    ];
    assert_eq!(first.hosts, hosts);
    assert_eq!(first.path, PathPattern::Prefix("/api".to_owned()));
    assert_eq!(first.methods.unwrap().to_string(), "GET, HEAD, PROPFIND");
    let forward = Action::Forward {
        upstream: 1,
        strip_prefix: true,
    };
    assert_eq!(first.action, forward);
    assert_eq!(first.at.span.as_ref().unwrap().line, 26);
    assert_eq!(
        config.routes[1].path,
        PathPattern::Exact("/old/".to_owned())
    );
    assert!(matches!(&config.routes[1].action, Action::Redirect { status, .. } if *status == 301));
    assert!(
        matches!(&config.routes[2].action, Action::Respond { body: Body::Text(body), .. } if body == "short")
    );
}

#[test]
fn tls_to_servers_is_short_or_whole() {
    let config = load(
        "
listeners: { http: { bind: ':8080' } }
upstreams:
  short: { servers: [api.lan:443], tls: true }
  empty: { servers: [api.lan:443], tls: {} }
  none: { servers: [api.lan:443], tls: false }
  whole:
    servers: [10.0.0.1:443]
    protocol: h2
    tls: { server_name: API.lan, ca: ca.pem, certificate: edge.pem, key: edge.key, verify: true }
routes:
  - { path: /a, upstream: short }
  - { path: /b, upstream: empty }
  - { path: /c, upstream: none }
  - { path: /d, upstream: whole }
",
    );
    let [short, empty, none, whole] = &config.upstreams[..] else {
        panic!("{:?}", config.upstreams);
    };
    let least = short.tls.as_ref().unwrap();
    assert!(least.verify);
    assert!(least.server_name.is_none() && least.ca.is_none() && least.certificate.is_none());
    assert_eq!(empty.tls, short.tls);
    assert_eq!(none.tls, None);
    assert_eq!(whole.protocol, UpstreamProtocol::H2);
    let tls = whole.tls.as_ref().unwrap();
    assert_eq!(tls.server_name.as_ref().unwrap().value, "api.lan");
    assert!(tls.ca.as_ref().unwrap().value.ends_with("ca.pem"));
    let certificate = tls.certificate.as_ref().unwrap();
    assert!(certificate.chain.value.ends_with("edge.pem"));
    assert!(certificate.key.value.is_absolute());
}
