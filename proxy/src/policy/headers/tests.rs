//! Edits of both directions, as tables; and that no value can break out of its line.

use http::{HeaderMap, HeaderName, Method};
use proptest::prelude::*;

use super::*;
use crate::policy::Request;

/// `name: value` for each field; fields of one name in their order, names in the order of the alphabet.
fn lines(fields: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<_> = fields.iter().map(line).collect();
    lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    lines
}

fn fields(sent: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in sent {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

fn facts(none: &HeaderMap) -> Facts<'_> {
    Facts {
        request: Request {
            client: "2001:db8::7".parse().unwrap(),
            method: &Method::PUT,
            announced: None,
            is_tls: true,
            host: "example.ch",
            port: Some(8443),
            path: "/a b",
            query: "?x=1&y",
            fields: none.into(),
        },
        request_id: "id-1",
        trace_id: "4bf92f",
        route: "example.ch/a",
        upstream: "web",
        server: "10.0.0.1:80",
    }
}

fn of_user(user: Option<&str>) -> Applied {
    Applied {
        user: user.map(Into::into),
        ..Applied::default()
    }
}

fn fixed(text: &'static str) -> Template {
    Template::Fixed(HeaderValue::from_static(text))
}

fn made(placeholder: Placeholder) -> Template {
    Template::Made(vec![Piece::Value(placeholder)])
}

fn named(name: &'static str, template: Template) -> (HeaderName, Template) {
    (HeaderName::from_static(name), template)
}

/// What is seen of these fields after the edits of one direction.
fn seen(edits: Edits, sent: &[(&'static str, &'static str)], user: Option<&str>) -> Vec<String> {
    let (mut fields, none) = (fields(sent), HeaderMap::new());
    let headers = Headers::new(&Arc::new(model::Headers {
        request: edits,
        response: Edits::default(),
    }));
    headers.request(&mut fields, &of_user(user), &facts(&none));
    let after = lines(&fields);
    headers.respond(&mut fields, &of_user(user), &facts(&none));
    assert_eq!(lines(&fields), after, "the other direction has no edits");
    after
}

#[test]
fn what_is_removed_can_be_set_and_what_is_set_can_be_added_to() {
    let edits = Edits {
        add: vec![named("x-a", fixed("3")), named("x-a", fixed("4"))],
        set: vec![named("x-a", fixed("2")), named("x-b", fixed("5"))],
        remove: vec![
            NamePattern::Exact(HeaderName::from_static("x-b")),
            NamePattern::Exact(HeaderName::from_static("x-c")),
        ],
    };
    let sent = [
        ("x-a", "1"),
        ("x-a", "1"),
        ("x-b", "1"),
        ("x-c", "1"),
        ("x-d", "1"),
    ];
    let expected = ["x-a: 2", "x-a: 3", "x-a: 4", "x-b: 5", "x-d: 1"];
    assert_eq!(seen(edits, &sent, None), expected);
}

#[test]
fn no_lookalike_of_a_clients_stands_in_for_what_is_set_or_removed() {
    let edits = Edits {
        remove: vec![
            NamePattern::Exact(HeaderName::from_static("x-real-user")),
            NamePattern::Prefix("x-internal-".to_owned()),
        ],
        set: vec![
            named("x-my-tier", fixed("gold")),
            named("x_my_tier", fixed("gold")),
            named("x-user-name", made(Placeholder::User)),
        ],
        add: vec![named("x-my-hop", fixed("edge"))],
    };
    let mut seen = fields(&[
        ("x_my_tier", "1"),
        ("x-my_tier", "1"),
        ("x_user_name", "1"),
        ("x_real_user", "1"),
        ("x_internal_a", "1"),
        ("x-internal_b", "1"),
        ("x_my_hop", "2"),
        ("x_own", "3"),
    ]);
    let applied = Applied {
        request_fields: vec![(
            HeaderName::from_static("x_internal_user"),
            HeaderValue::from_static("anna"),
        )],
        ..Applied::default()
    };
    applied.request(&mut seen);
    let headers = Headers::new(&Arc::new(model::Headers {
        request: edits,
        response: Edits::default(),
    }));
    headers.request(&mut seen, &applied, &facts(&HeaderMap::new()));
    let expected = [
        "x-my-hop: edge",
        "x-my-tier: gold",
        "x_internal_user: anna",
        "x_my_hop: 2",
        "x_my_tier: gold",
        "x_own: 3",
    ];
    assert_eq!(lines(&seen), expected);
}

#[test]
fn a_star_takes_all_names_that_begin_so_but_none_that_are_guarded() {
    let remove = |prefix: &str| Edits {
        remove: vec![NamePattern::Prefix(prefix.to_owned())],
        ..Edits::default()
    };
    let sent = [
        ("connection", "close"),
        ("content-length", "1"),
        ("content-type", "text/plain"),
        ("host", "a"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-prefix", "/a"),
        ("x-internal-a", "1"),
        ("x-internal-a", "2"),
        ("x-internal-b", "3"),
    ];
    for (prefix, left) in [
        ("x-internal-", &[0, 1, 2, 3, 4, 5][..]),
        ("x-", &[0, 1, 2, 3, 4]),
        ("con", &[0, 1, 3, 4, 5, 6, 7, 8]),
        ("h", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("y", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ] {
        let left: Vec<_> = left
            .iter()
            .map(|at| format!("{}: {}", sent[*at].0, sent[*at].1))
            .collect();
        assert_eq!(seen(remove(prefix), &sent, None), left, "{prefix}");
    }
}

#[test]
fn each_placeholder_is_what_the_exchange_brings() {
    for (placeholder, expected) in [
        (Placeholder::ClientIp, "2001:db8::7"),
        (Placeholder::Host, "example.ch"),
        (Placeholder::Path, "/a b"),
        (Placeholder::Query, "x=1&y"),
        (Placeholder::Method, "PUT"),
        (Placeholder::Scheme, "https"),
        (Placeholder::RequestId, "id-1"),
        (Placeholder::User, "anna"),
        (Placeholder::Route, "example.ch/a"),
        (Placeholder::Upstream, "web"),
        (Placeholder::Server, "10.0.0.1:80"),
    ] {
        let edits = Edits {
            set: vec![named("x-a", made(placeholder))],
            ..Edits::default()
        };
        let expected = [format!("x-a: {expected}")];
        assert_eq!(seen(edits, &[], Some("anna")), expected, "{placeholder:?}");
    }
}

#[test]
fn a_value_that_comes_out_empty_or_cannot_be_sent_is_left_out_and_so_is_whatever_the_client_said() {
    for (user, left) in [
        (None, &[][..]),
        (Some(""), &[]),
        (Some("  "), &[]),
        (Some("a\r\nx-admin: 1"), &[]),
        (Some("a\0"), &[]),
        (Some(" anna "), &["x-user: anna", "x-user: anna"]),
        (Some("zoë"), &["x-user: zoë", "x-user: zoë"]),
    ] {
        let edits = Edits {
            set: vec![named("x-user", made(Placeholder::User))],
            add: vec![named("x-user", made(Placeholder::User))],
            ..Edits::default()
        };
        assert_eq!(seen(edits, &[("x-user", "root")], user), left, "{user:?}");
    }
}

#[test]
fn there_is_always_a_host_and_it_is_one() {
    for (template, user, host) in [
        (fixed("api.lan:8080"), None, "api.lan:8080"),
        (made(Placeholder::Server), None, "10.0.0.1:80"),
        (made(Placeholder::User), None, "example.ch"),
        (made(Placeholder::User), Some("a@b"), "example.ch"),
        (made(Placeholder::User), Some("unix:/run/app"), "example.ch"),
    ] {
        let edits = Edits {
            set: vec![named("host", template)],
            ..Edits::default()
        };
        let expected = [format!("host: {host}")];
        assert_eq!(seen(edits, &[("host", "example.ch")], user), expected);
    }
}

proptest! {
    #[test]
    fn nothing_that_an_exchange_brings_can_end_a_line(
        user in "\\PC{0,20}|[\\x00-\\xff]{0,20}",
        path in "[\\x00-\\x7f]{0,20}",
        query in "\\?[\\x00-\\x7f]{0,20}",
    ) {
        let all = Placeholder::ALL.map(|(_, placeholder)| placeholder);
        let pieces = all.map(Piece::Value).into_iter();
        let text = Template::Made(pieces.collect());
        let edits = Edits {
            set: all.iter().map(|it| named("x-a", made(*it))).chain([named("x-b", text)]).collect(),
            add: vec![named("x-c", made(Placeholder::User))],
            ..Edits::default()
        };
        let headers = Headers::new(&Arc::new(model::Headers {
            request: Edits::default(),
            response: edits,
        }));
        let (mut fields, none) = (HeaderMap::new(), HeaderMap::new());
        let mut facts = facts(&none);
        facts.request.path = &path;
        facts.request.query = &query;
        headers.respond(&mut fields, &of_user(Some(&user)), &facts);
        for value in fields.values() {
            let bytes = value.as_bytes();
            prop_assert!(!bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            prop_assert!(!bytes.is_empty() && bytes.trim_ascii() == bytes);
        }
    }
}
