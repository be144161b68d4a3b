//! Who may ask, and what browsers and caches are told, as tables.

use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::route::Methods;

fn exact(origin: &str) -> OriginPattern {
    OriginPattern::Exact(origin.to_owned())
}

fn below(suffix: &str) -> OriginPattern {
    OriginPattern::Below {
        scheme: "https://".to_owned(),
        suffix: suffix.to_owned(),
    }
}

fn spec(origins: Origins) -> model::Cors {
    model::Cors {
        origins,
        methods: Methods::try_from([Method::GET, Method::PUT].as_slice()).unwrap(),
        headers: Names::Any,
        expose: Names::Listed(vec![HeaderName::from_static("x-total")]),
        credentials: false,
        max_age: Duration::from_secs(600),
    }
}

fn listed(origins: &[&str]) -> Origins {
    Origins::Listed(origins.iter().map(|origin| exact(origin)).collect())
}

fn fields(sent: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in sent {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

type Sent = [(&'static str, &'static str)];

/// What a client sees of a server's response with these fields of its own.
fn seen(spec: &model::Cors, method: &Method, asked: &Sent, answered: &Sent) -> Vec<String> {
    let (asked, mut answered) = (fields(asked), fields(answered));
    let announced = preflight(method, (&asked).into());
    let request = Request {
        client: "192.0.2.1".parse().unwrap(),
        method,
        announced: announced.as_ref(),
        is_tls: true,
        host: "api.example.ch",
        port: None,
        path: "/",
        query: "",
        fields: (&asked).into(),
    };
    Cors::new(&Arc::new(spec.clone())).respond(&mut answered, &request);
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<_> = answered.iter().map(line).collect();
    lines.sort();
    lines
}

const APP: &str = "https://app.example.ch";

#[test]
fn only_options_with_an_origin_and_a_method_is_a_preflight() {
    let (origin, method) = (("origin", APP), ("access-control-request-method", "PUT"));
    for (asks, sent, expected) in [
        (Method::OPTIONS, &[origin, method][..], Some(Method::PUT)),
        (Method::OPTIONS, &[origin], None),
        (Method::OPTIONS, &[method], None),
        (Method::OPTIONS, &[], None),
        (Method::GET, &[origin, method], None),
        (Method::POST, &[origin, method], None),
        (
            Method::OPTIONS,
            &[origin, ("access-control-request-method", "not a method")],
            None,
        ),
        (
            Method::OPTIONS,
            &[origin, ("access-control-request-method", "")],
            None,
        ),
    ] {
        assert_eq!(
            preflight(&asks, (&fields(sent)).into()),
            expected,
            "{asks} {sent:?}"
        );
    }
}

#[test]
fn an_origin_is_compared_byte_by_byte() {
    let patterns = [exact(APP), below(".example.org"), below(".a.ch:8443")];
    for (origin, is_allowed) in [
        (APP, true),
        ("https://app.example.ch:443", false), // browsers do not write it so
        ("https://app.example.ch:8443", false),
        ("http://app.example.ch", false),
        ("https://APP.example.ch", false),
        ("https://app.example.ch/", false),
        ("https://app.example.ch.evil.org", false),
        ("https://evilapp.example.ch", false),
        ("https://example.ch", false),
        ("null", false),
        ("", false),
        ("*", false),
        ("https://x.example.org", true),
        ("https://x.y-z.1.example.org", true),
        ("https://example.org", false),
        ("https://.example.org", false),
        ("https://x..example.org", false),
        ("https://evilexample.org", false),
        ("http://x.example.org", false),
        ("https://x.example.org:8443", false),
        ("https://evil.org/.example.org", false),
        ("https://evil.org?.example.org", false),
        ("https://evil.org#.example.org", false),
        ("https://evil.org:1.example.org", false),
        ("https://user@x.example.org", false),
        ("https://evil.org\\.example.org", false),
        ("https://X.example.org", false),
        ("https://x.a.ch:8443", true),
        ("https://x.a.ch", false),
    ] {
        let found = patterns.iter().any(|pattern| matches(pattern, origin));
        assert_eq!(found, is_allowed, "{origin}");
    }
}

#[test]
fn an_answer_is_for_the_origin_that_asked_and_caches_know_it() {
    let spec = spec(listed(&[APP, "https://www.example.ch"]));
    let told = [
        "access-control-allow-origin: https://app.example.ch",
        "access-control-expose-headers: x-total",
        "vary: Origin",
    ];
    for (asked, expected) in [
        (&[("origin", APP)][..], &told[..]),
        (&[], &told[2..]),
        (&[("origin", "https://evil.org")], &told[2..]),
        (&[("origin", "null")], &told[2..]),
        (&[("origin", APP), ("origin", APP)], &told[2..]),
        (
            &[("origin", "https://app.example.ch https://www.example.ch")],
            &told[2..],
        ),
    ] {
        for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS] {
            assert_eq!(seen(&spec, &method, asked, &[]), expected, "{asked:?}");
        }
    }
}

#[test]
fn what_a_server_says_of_cors_is_replaced_and_its_vary_is_kept() {
    let servers = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://evil.org"),
        ("access-control-allow-methods", "DELETE"),
        ("access-control-expose-headers", "set-cookie"),
        ("access-control-invented-tomorrow", "true"),
        ("vary", "accept-encoding"),
        ("vary", "origin"),
    ];
    let spec = spec(listed(&[APP]));
    assert_eq!(
        seen(&spec, &Method::GET, &[("origin", APP)], &servers),
        [
            "access-control-allow-origin: https://app.example.ch",
            "access-control-expose-headers: x-total",
            "vary: accept-encoding",
            "vary: origin",
        ]
    );
    assert_eq!(
        seen(&spec, &Method::GET, &[], &servers),
        ["vary: accept-encoding", "vary: origin"]
    );
    assert_eq!(
        seen(&spec, &Method::GET, &[], &[("vary", "accept")]),
        ["vary: accept, Origin"]
    );
}

#[test]
fn for_any_origin_the_answer_is_the_same_for_all() {
    let spec = model::Cors {
        expose: Names::Any,
        ..spec(Origins::Any)
    };
    for asked in [&[][..], &[("origin", APP)], &[("origin", "null")]] {
        assert_eq!(
            seen(&spec, &Method::GET, asked, &[]),
            [
                "access-control-allow-origin: *",
                "access-control-expose-headers: *",
            ]
        );
    }
}

#[test]
fn credentials_come_along_only_where_the_origin_is_allowed() {
    let spec = model::Cors {
        credentials: true,
        expose: Names::Listed(Vec::new()),
        ..spec(listed(&[APP]))
    };
    assert_eq!(
        seen(&spec, &Method::GET, &[("origin", APP)], &[]),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://app.example.ch",
            "vary: Origin",
        ]
    );
    assert_eq!(
        seen(&spec, &Method::GET, &[("origin", "https://evil.org")], &[]),
        ["vary: Origin"]
    );
}

#[test]
fn a_preflight_is_told_what_may_follow() {
    const METHOD: (&str, &str) = ("access-control-request-method", "PUT");
    const ALLOWED: &str = "access-control-allow-origin: https://app.example.ch";
    const METHODS: &str = "access-control-allow-methods: PUT";
    const AGE: &str = "access-control-max-age: 600";
    let any = spec(listed(&[APP]));
    let these = model::Cors {
        headers: Names::Listed(vec![
            HeaderName::from_static("content-type"),
            HeaderName::from_static("x-token"),
        ]),
        ..any.clone()
    };
    let none = model::Cors {
        headers: Names::Listed(Vec::new()),
        ..any.clone()
    };
    let asks = |headers| ("access-control-request-headers", headers);
    let by_headers = "vary: Origin, Access-Control-Request-Headers";
    let asked = "access-control-allow-headers: authorization,x-a";
    let named = "access-control-allow-headers: content-type, x-token";
    for (spec, sent, expected) in [
        (
            &any,
            asks("authorization,x-a"),
            &[asked, METHODS, ALLOWED, AGE, by_headers][..],
        ),
        (
            &any,
            asks("not a name"),
            &[METHODS, ALLOWED, AGE, by_headers],
        ),
        (&any, asks("a,,b"), &[METHODS, ALLOWED, AGE, by_headers]),
        (&any, ("x-other", "1"), &[METHODS, ALLOWED, AGE, by_headers]),
        (
            &these,
            asks("x-a"),
            &[named, METHODS, ALLOWED, AGE, "vary: Origin"],
        ),
        (&none, asks("x-a"), &[METHODS, ALLOWED, AGE, "vary: Origin"]),
    ] {
        let asked = [("origin", APP), METHOD, sent];
        assert_eq!(
            seen(spec, &Method::OPTIONS, &asked, &[]),
            expected,
            "{sent:?}"
        );
    }
    let stranger = [("origin", "https://evil.org"), METHOD, asks("x-a")];
    assert_eq!(seen(&any, &Method::OPTIONS, &stranger, &[]), [by_headers]);
    // Who asks whether a private network may be reached gets no answer to that.
    let private = ("access-control-request-private-network", "true");
    let asked = [("origin", APP), METHOD, private];
    assert_eq!(
        seen(&none, &Method::OPTIONS, &asked, &[]),
        [METHODS, ALLOWED, AGE, "vary: Origin"]
    );
}

proptest! {
    /// What is allowed below a name is a URL whose host really is below it.
    #[test]
    fn no_spelling_brings_another_host_below_a_name(left in "\\PC{0,12}", odd in "[a-z./:@?#%\\\\-]{0,12}") {
        for left in [left, odd] {
            let origin = format!("https://{left}.example.ch");
            if matches(&below(".example.ch"), &origin) {
                let uri: http::Uri = origin.parse().unwrap();
                let authority = uri.authority().unwrap().as_str();
                prop_assert!(authority.ends_with(".example.ch") && !authority.contains(['@', ':']));
                prop_assert_eq!(uri.path(), "/");
            }
        }
    }
}
