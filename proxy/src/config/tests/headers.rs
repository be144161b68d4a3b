//! What routes and `defaults` say of headers, security headers and CORS.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};

use super::defaults::load;
use crate::config::model::{
    Cors, Edits, FrameOptions, Headers, Hsts, NamePattern, Names, OriginPattern, Origins, Piece,
    Placeholder, Policies, SecurityHeaders, Template,
};

/// The policies of a route that says this, beside `defaults` that say that.
fn policies(of_defaults: &str, of_route: &str) -> Policies {
    let text = format!(
        "
listeners: {{ https: {{ bind: ':8443', tls: modern }} }}
certificates: [{{ hosts: localhost, self_signed: true }}]
defaults: {{ {of_defaults} }}
routes: [{{ respond: {{ status: 204 }}, {of_route} }}]
"
    );
    load(&text).routes.remove(0).policies
}

#[test]
fn a_route_edits_no_headers_says_nothing_of_safety_and_shares_nothing_unless_it_is_told_to() {
    for (of_defaults, of_route) in [
        ("", ""),
        ("security_headers: false, headers: false, cors: false", ""),
        ("security_headers: true", "security_headers: false"),
        ("headers: {}", "headers: false"),
        ("cors: { origins: '*' }", "cors: false"),
    ] {
        let found = policies(of_defaults, of_route);
        assert_eq!(
            (found.cors, found.headers),
            (None, None),
            "{of_defaults} {of_route}"
        );
        let safety = (found.security_headers, found.hsts);
        assert_eq!(safety, (None, None), "{of_defaults} {of_route}");
    }
}

#[test]
fn security_headers_bring_hsts_along_where_nobody_speaks_of_it() {
    const LONG: &str = "hsts: { max_age: 730d }";
    let long = Hsts {
        max_age: Duration::from_secs(730 * 86_400),
        ..Hsts::default()
    };
    let preset = Some(Hsts::default());
    for (of_defaults, of_route, expected) in [
        ("", "security_headers: true", preset),
        ("", "security_headers: {}", preset),
        ("security_headers: true", "", preset),
        (
            "security_headers: true",
            "security_headers: { frame_options: deny }",
            preset,
        ),
        ("security_headers: false", "security_headers: true", preset),
        ("security_headers: true", "security_headers: false", None),
        // What is said of HSTS itself holds, wherever it is said.
        ("security_headers: true, hsts: false", "", None),
        ("security_headers: true", "hsts: false", None),
        ("hsts: false", "security_headers: true", None),
        ("", "security_headers: true, hsts: false", None),
        ("security_headers: true", LONG, Some(long)),
        (LONG, "security_headers: true", Some(long)),
        (LONG, "security_headers: false", Some(long)),
        ("security_headers: true, hsts: false", LONG, Some(long)),
        ("security_headers: true, hsts: false", "hsts: true", preset),
    ] {
        let found = policies(of_defaults, of_route).hsts;
        assert_eq!(
            found.as_deref().copied(),
            expected,
            "{of_defaults} {of_route}"
        );
    }
}

#[test]
fn what_defaults_say_is_one_policy_for_all_routes_hsts_included() {
    let config = load(
        "
listeners: { https: { bind: ':8443', tls: modern } }
certificates: [{ hosts: localhost, self_signed: true }]
defaults: { security_headers: true, headers: {}, cors: { origins: '*' } }
routes: [{ path: /a, respond: {} }, { path: /b, respond: {} }]
",
    );
    let [a, b] = &config.routes[..] else {
        panic!("{:?}", config.routes);
    };
    let (a, b) = (a.policies.clone(), b.policies.clone());
    assert!(Arc::ptr_eq(&a.cors.unwrap(), &b.cors.unwrap()));
    assert!(Arc::ptr_eq(&a.headers.unwrap(), &b.headers.unwrap()));
    assert!(Arc::ptr_eq(
        &a.security_headers.unwrap(),
        &b.security_headers.unwrap()
    ));
    assert!(Arc::ptr_eq(&a.hsts.unwrap(), &b.hsts.unwrap()));
}

#[test]
fn each_security_header_has_its_documented_default_and_can_be_left_out() {
    let read = |keys: &str| {
        let found = policies("", &format!("security_headers: {keys}"));
        Arc::unwrap_or_clone(found.security_headers.unwrap())
    };
    let preset = SecurityHeaders {
        frame_options: Some(FrameOptions::SameOrigin),
        referrer_policy: Some("strict-origin-when-cross-origin"),
        permissions_policy: Some(HeaderValue::from_static(
            "hid=(), midi=(), serial=(), usb=()",
        )),
        content_security_policy: None,
        hsts: Arc::new(Hsts::default()),
    };
    assert_eq!(read("true"), preset);
    assert_eq!(read("{}"), preset);
    let off = read(
        "{ frame_options: off, referrer_policy: off, permissions_policy: off, content_security_policy: off }",
    );
    let none = SecurityHeaders {
        frame_options: None,
        referrer_policy: None,
        permissions_policy: None,
        ..preset.clone()
    };
    assert_eq!(off, none);
    let all = read(
        "{ frame_options: deny, referrer_policy: no-referrer, permissions_policy: 'camera=(),\n\n  usb=(self)',
           content_security_policy: \"default-src 'self';\\n  img-src *\" }",
    );
    let expected = SecurityHeaders {
        frame_options: Some(FrameOptions::Deny),
        referrer_policy: Some("no-referrer"),
        permissions_policy: Some(HeaderValue::from_static("camera=(), usb=(self)")),
        content_security_policy: Some(HeaderValue::from_static("default-src 'self'; img-src *")),
        ..preset
    };
    assert_eq!(all, expected);
}

#[test]
fn edits_of_headers_are_compiled_as_they_are_read() {
    let found = policies(
        "",
        "headers: {
           request: { remove: [X-A, 'X-Internal-*'], set: { Host: 'api.lan:8080', X-Client: 'at {client_ip}' } },
           response: { remove: Server, add: { Set-Cookie: [a=1, b=2], X-B: '{{}' } } }",
    );
    let fixed = |value| Template::Fixed(HeaderValue::from_static(value));
    let made = Template::Made(vec![
        Piece::Text("at ".to_owned()),
        Piece::Value(Placeholder::ClientIp),
    ]);
    let name = HeaderName::from_static;
    let expected = Headers {
        request: Edits {
            remove: vec![
                NamePattern::Exact(name("x-a")),
                NamePattern::Prefix("x-internal-".to_owned()),
            ],
            set: vec![
                (name("host"), fixed("api.lan:8080")),
                (name("x-client"), made),
            ],
            add: vec![],
        },
        response: Edits {
            remove: vec![NamePattern::Exact(name("server"))],
            set: vec![],
            add: vec![
                (name("set-cookie"), fixed("a=1")),
                (name("set-cookie"), fixed("b=2")),
                (name("x-b"), fixed("{}")),
            ],
        },
    };
    assert_eq!(found.headers.as_deref(), Some(&expected));
}

#[test]
fn cors_has_the_documented_defaults_and_every_key_reaches_the_model() {
    let read = |keys: &str| {
        let found = policies("", &format!("cors: {keys}"));
        Arc::unwrap_or_clone(found.cors.unwrap())
    };
    let least = read("{ origins: https://app.example.ch }");
    let app = OriginPattern::Exact("https://app.example.ch".to_owned());
    assert_eq!(least.origins, Origins::Listed(vec![app.clone()]));
    let methods = "GET, HEAD, POST, PUT, PATCH, DELETE";
    assert_eq!(least.methods.to_string(), methods);
    assert_eq!(
        (least.headers, least.expose),
        (Names::Any, Names::Listed(vec![]))
    );
    assert_eq!(
        (least.credentials, least.max_age),
        (false, Duration::from_secs(600))
    );
    let all = read(
        "{ origins: [https://app.example.ch, 'https://*.example.org'], methods: [POST], headers: [X-A, x-b],
           expose: X-Total, credentials: true, max_age: 1h }",
    );
    let below = OriginPattern::Below {
        scheme: "https://".to_owned(),
        suffix: ".example.org".to_owned(),
    };
    let name = HeaderName::from_static;
    let expected = Cors {
        origins: Origins::Listed(vec![app, below]),
        methods: all.methods,
        headers: Names::Listed(vec![name("x-a"), name("x-b")]),
        expose: Names::Listed(vec![name("x-total")]),
        credentials: true,
        max_age: Duration::from_secs(3600),
    };
    assert_eq!(all, expected);
    assert_eq!(all.methods.to_string(), "POST");
    assert_eq!(
        read("{ origins: ['*'], expose: '*', headers: [] }").origins,
        Origins::Any
    );
}
