//! What is asked, and what answers mean.

use std::{net::IpAddr, time::Instant};

use http::StatusCode;

use super::*;
use crate::{
    admit::Host,
    config::{model::Address, problem::Located},
};

fn forward_auth(change: impl FnOnce(&mut model::ForwardAuth)) -> ForwardAuth {
    let mut spec = model::ForwardAuth {
        upstream: Located::nowhere("auth".into()),
        path: "/verify?rd=x".into(),
        request_headers: None,
        copy_headers: Box::default(),
        copy_cookies: Box::default(),
        timeout: Duration::from_secs(5),
    };
    change(&mut spec);
    ForwardAuth::new(&spec, upstream())
}

fn upstream() -> Arc<Upstream> {
    let address = Address::Socket("127.0.0.1:9000".parse().unwrap());
    let spec = model::Upstream::of("auth", vec![model::Server::of(address)]);
    Upstream::build(&spec, None, None, Instant::now())
}

fn names(names: &[&'static str]) -> Box<[HeaderName]> {
    names
        .iter()
        .map(|name| HeaderName::from_static(name))
        .collect()
}

fn fields(sent: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in sent {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

/// A POST to `/a b?c` of `example.ch`.
fn request(fields: &HeaderMap) -> Request<'_> {
    Request {
        client: IpAddr::from([192, 0, 2, 1]),
        method: &Method::POST,
        announced: None,
        is_tls: true,
        host: "example.ch",
        port: None,
        path: "/a%20b",
        query: "?c",
        fields: fields.into(),
    }
}

/// The lines of the question about such a request, the first of them first and the others in order.
fn asked(
    forward_auth: &ForwardAuth,
    sent: &HeaderMap,
    trusted: bool,
    applied: &Applied,
) -> Vec<String> {
    asked_by(forward_auth, sent, applied, |origin| {
        origin.trusted = trusted;
    })
}

fn asked_by(
    forward_auth: &ForwardAuth,
    sent: &HeaderMap,
    applied: &Applied,
    change: impl FnOnce(&mut Origin<'_>),
) -> Vec<String> {
    let host = Host::parse(b"example.ch").unwrap();
    let mut origin = Origin {
        peer: IpAddr::from([198, 51, 100, 7]),
        peer_text: &HeaderValue::from_static("198.51.100.7"),
        trusted: false,
        allows_underscores: false,
        scheme: "https",
        host: &host,
        server: "",
        request_id: "id-1",
        trace: None,
        via: "2 simplon",
    };
    change(&mut origin);
    let question = forward_auth.question(&request(sent), &origin, applied);
    let text = String::from_utf8(question).unwrap();
    let lines = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines[1..].sort_unstable();
    lines
}

const OURS: [&str; 10] = [
    "forwarded: for=198.51.100.7;host=\"example.ch\";proto=https",
    "host: example.ch",
    "via: 2 simplon",
    "x-forwarded-for: 198.51.100.7",
    "x-forwarded-host: example.ch",
    "x-forwarded-method: POST",
    "x-forwarded-port: 443",
    "x-forwarded-proto: https",
    "x-forwarded-uri: /a%20b?c",
    "x-request-id: id-1",
];

fn with_ours(more: &[&str]) -> Vec<String> {
    let mut lines: Vec<_> = OURS.iter().chain(more).map(ToString::to_string).collect();
    lines.sort_unstable();
    lines.insert(0, "GET /verify?rd=x HTTP/1.1".to_owned());
    lines
}

#[test]
fn the_question_is_a_get_with_what_the_client_sent_but_its_body() {
    let sent = fields(&[
        ("cookie", "a=b"),
        ("cookie", "c=d"),
        ("authorization", "Bearer x"),
        ("accept", "text/html"),
        ("content-length", "5"),
        ("content-type", "text/plain"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("connection", "upgrade, x-nominated"),
        ("x-nominated", "1"),
        ("upgrade", "websocket"),
        ("te", "trailers"),
        ("if-none-match", "\"1\""),
        ("range", "bytes=0-1"),
        ("keep-alive", "5"),
    ]);
    let shown = [
        "cookie: a=b; c=d",
        "authorization: Bearer x",
        "accept: text/html",
    ];
    let asked = asked(&forward_auth(|_| ()), &sent, false, &Applied::default());
    assert_eq!(asked, with_ours(&shown));
}

#[test]
fn claims_of_a_stranger_are_not_believed_and_those_of_a_trusted_proxy_are() {
    let sent = fields(&[
        ("x-forwarded-for", "10.9.9.9"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "81"),
        ("x-forwarded-uri", "/public"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-original-url", "/public"),
        ("remote-user", "root"),
        ("remote_user", "root"),
    ]);
    let forward_auth = forward_auth(|_| ());
    let by_stranger = asked(&forward_auth, &sent, false, &Applied::default());
    assert_eq!(by_stranger, with_ours(&[]));
    let by_proxy = asked(&forward_auth, &sent, true, &Applied::default());
    for line in [
        "x-forwarded-for: 10.9.9.9, 198.51.100.7",
        "x-forwarded-host: evil.test",
        "x-forwarded-proto: http",
        "x-forwarded-port: 81",
        "x-forwarded-uri: /a%20b?c",
        "x-forwarded-method: POST",
    ] {
        assert!(by_proxy.iter().any(|found| found == line), "{line}");
    }
    assert!(
        !by_proxy
            .iter()
            .any(|line| line.contains("root") || line.contains("public"))
    );
}

#[test]
fn a_claim_with_underscores_is_none_though_such_names_are_allowed() {
    let sent = fields(&[
        ("x_forwarded_uri", "/public"),
        ("x-forwarded_method", "OPTIONS"),
        ("x_forwarded_for", "10.9.9.9"),
        ("x_original_url", "/public"),
        ("remote_user", "root"),
        ("x_request_id", "1"),
        ("x_own", "1"),
    ]);
    let applied = Applied {
        request_fields: vec![(
            HeaderName::from_static("remote_user"),
            HeaderValue::from_static("alice"),
        )],
        ..Applied::default()
    };
    for trusted in [false, true] {
        let asked = asked_by(&forward_auth(|_| ()), &sent, &applied, |origin| {
            (origin.allows_underscores, origin.trusted) = (true, trusted);
        });
        assert_eq!(asked, with_ours(&["x_own: 1", "remote_user: alice"]));
    }
}

#[test]
fn the_port_is_that_of_the_scheme_that_is_claimed() {
    for (claimed, scheme, trusted, port) in [
        ("https", "http", true, "443"),
        ("HTTPS", "http", true, "443"),
        ("wss", "http", true, "443"),
        ("https, http", "http", true, "443"),
        ("http", "https", true, "80"),
        ("http, https", "https", true, "80"),
        ("https", "http", false, "80"),
        ("http", "https", false, "443"),
    ] {
        let sent = fields(&[("x-forwarded-proto", claimed)]);
        let asked = asked_by(
            &forward_auth(|_| ()),
            &sent,
            &Applied::default(),
            |origin| {
                (origin.trusted, origin.scheme) = (trusted, scheme);
            },
        );
        let line = format!("x-forwarded-port: {port}");
        assert!(asked.contains(&line), "{claimed} {trusted}: {asked:?}");
    }
}

#[test]
fn only_headers_that_are_named_are_shown_if_any_are() {
    let sent = fields(&[("cookie", "a=b"), ("authorization", "x"), ("x-own", "1")]);
    for (named, shown) in [
        (&["cookie", "x-none"][..], &["cookie: a=b"][..]),
        (&[], &[]),
    ] {
        let forward_auth = forward_auth(|spec| spec.request_headers = Some(names(named)));
        let asked = asked(&forward_auth, &sent, false, &Applied::default());
        assert_eq!(asked, with_ours(shown));
    }
}

#[test]
fn what_policies_before_have_found_out_is_shown() {
    let sent = fields(&[("authorization", "Basic x"), ("x-forwarded-user", "root")]);
    let applied = Applied {
        request_removed: vec![header::AUTHORIZATION],
        request_fields: vec![(
            HeaderName::from_static("x-forwarded-user"),
            HeaderValue::from_static("alice"),
        )],
        ..Applied::default()
    };
    let asked = asked(&forward_auth(|_| ()), &sent, false, &applied);
    assert_eq!(asked, with_ours(&["x-forwarded-user: alice"]));
}

fn answer(status: u16, sent: &[(&'static str, &'static str)], body: &[u8]) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        fields: fields(sent),
        body: body.to_vec(),
        keeps_alive: true,
    }
}

#[test]
fn every_2xx_passes_and_what_it_names_takes_the_place_of_what_the_client_sent() {
    let forward_auth = forward_auth(|spec| {
        spec.copy_headers = names(&["remote-user", "remote-groups", "x-absent"]);
    });
    for status in [200, 202, 204, 299] {
        let sent = fields(&[
            ("remote-user", "root"),
            ("remote_user", "root"),
            ("x-absent", "root"),
            ("x-own", "1"),
        ]);
        let answer = answer(
            status,
            &[
                ("remote-user", "alice"),
                ("remote-groups", "a"),
                ("remote-groups", "b"),
                ("x-other", "1"),
                ("set-cookie", "session=1"),
            ],
            b"ignored",
        );
        let mut applied = Applied::default();
        let verdict = forward_auth.rule(answer, &request(&sent), "id-1", &mut applied);
        assert!(matches!(verdict, Verdict::Continue), "{status}");
        let mut seen = sent.clone();
        applied.request(&mut seen);
        let expected = fields(&[
            ("x-own", "1"),
            ("remote-user", "alice"),
            ("remote-groups", "a, b"),
        ]);
        assert_eq!(seen, expected);
        assert_eq!(applied.user.as_deref(), Some("alice"));
        assert!(applied.response_fields.is_empty());
    }
}

#[test]
fn cookies_that_are_named_go_to_the_client() {
    let forward_auth = forward_auth(|spec| spec.copy_cookies = ["session".into()].into());
    let sent = [
        ("set-cookie", "session=1; Path=/"),
        ("set-cookie", "sessions=2"),
        ("set-cookie", "Session=3"),
        ("set-cookie", " session =4"),
    ];
    let mut applied = Applied::default();
    let none = HeaderMap::new();
    forward_auth.rule(
        answer(200, &sent, b""),
        &request(&none),
        "id-1",
        &mut applied,
    );
    let cookies: Vec<_> = applied
        .response_fields
        .iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(cookies, ["session=1; Path=/", " session =4"]);
}

#[test]
fn any_other_answer_is_the_clients_as_it_came_but_for_the_connection() {
    for status in [300, 302, 304, 401, 403, 404, 418, 500, 503] {
        let sent = [
            ("location", "https://login.test/?rd=x"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("www-authenticate", "Bearer"),
            ("content-type", "text/html"),
            ("content-length", "4"),
            ("transfer-encoding", "chunked"),
            ("connection", "close, x-inner"),
            ("x-inner", "1"),
            ("keep-alive", "timeout=5"),
            ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ];
        let mut applied = Applied::default();
        let none = HeaderMap::new();
        let answer = answer(status, &sent, b"page");
        let verdict = forward_auth(|_| ()).rule(answer, &request(&none), "id-1", &mut applied);
        let Verdict::Answer(answer) = verdict else {
            panic!("{status}: {verdict:?}");
        };
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (status, &b"page"[..])
        );
        let shown = answer.fields.iter();
        let mut shown: Vec<_> = shown
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        shown.sort_unstable();
        let expected = [
            "content-type: text/html",
            "location: https://login.test/?rd=x",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "via: 1.1 simplon",
            "www-authenticate: Bearer",
            "x-request-id: id-1",
        ];
        assert_eq!(shown, expected);
        assert!(applied.request_fields.is_empty() && applied.user.is_none());
    }
}

#[test]
fn an_answer_that_is_too_large_is_nobodys() {
    for (length, is_given_on) in [(LARGEST_BODY, true), (LARGEST_BODY + 1, false)] {
        let none = HeaderMap::new();
        let answer = answer(401, &[], &vec![b'x'; length]);
        let mut applied = Applied::default();
        let verdict = forward_auth(|_| ()).rule(answer, &request(&none), "id-1", &mut applied);
        match verdict {
            Verdict::Answer(_) => assert!(is_given_on),
            Verdict::Refuse(Refusal::AuthUnavailable(_)) => assert!(!is_given_on),
            other => panic!("{other:?}"),
        }
    }
}
