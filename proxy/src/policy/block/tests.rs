//! Which rule decides, and what its conditions look at.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::{config::model::BlockRule, route::Methods};

fn rule(refuses: Refused, mode: Mode) -> BlockRule {
    BlockRule { refuses, mode }
}

fn requests(conditions: Conditions) -> Refused {
    Refused::Requests(conditions)
}

fn block(rules: Vec<BlockRule>) -> Block {
    Block::new(&Arc::new(model::Block { rules }))
}

/// What is said of a request: the names of the rules that match, those that observe in brackets.
fn said(block: &Block, method: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::try_from(*name).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let request = Request {
        client: IpAddr::from([192, 0, 2, 1]),
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        announced: None,
        is_tls: false,
        host: "example.ch",
        port: None,
        path,
        query,
        fields: (&map).into(),
    };
    let said = block.matching(&request).map(|(mode, refusal)| {
        let name = refusal.detail().unwrap();
        match mode {
            Mode::Enforce => name.to_owned(),
            Mode::Observe => format!("({name})"),
        }
    });
    said.collect::<Vec<_>>().join(" ")
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let post = Methods::none().with(&Method::POST).unwrap();
    let name = HeaderName::from_static("x-bad");
    let all = block(vec![rule(
        requests(Conditions {
            path: Some(Pattern::path("/admin").unwrap()),
            query: Some(Pattern::part("debug=").unwrap()),
            methods: Some(post),
            header: Some(HeaderCondition {
                name: name.clone(),
                value: Some(Pattern::whole("on*").unwrap()),
            }),
            user_agent: Some(Pattern::part("evil").unwrap()),
        }),
        Mode::Enforce,
    )]);
    let bad = [("x-bad", "once"), ("User-Agent", "very EVIL")];
    assert_eq!(said(&all, "POST", "/admin/x?debug=1", &bad), "rule 1");
    assert_eq!(said(&all, "GET", "/admin/x?debug=1", &bad), "");
    assert_eq!(said(&all, "POST", "/adminx?debug=1", &bad), "");
    assert_eq!(said(&all, "POST", "/admin?bug=1", &bad), "");
    assert_eq!(said(&all, "POST", "/admin?debug=1", &bad[..1]), "");
    assert_eq!(said(&all, "POST", "/admin?debug=1", &bad[1..]), "");
    let second = [("x-bad", "off"), ("x-bad", "on"), ("user-agent", "evil")];
    assert_eq!(said(&all, "POST", "/admin?debug=1", &second), "rule 1");

    let there = block(vec![rule(
        requests(Conditions {
            header: Some(HeaderCondition { name, value: None }),
            ..Conditions::default()
        }),
        Mode::Enforce,
    )]);
    assert_eq!(said(&there, "GET", "/", &[("x-bad", "")]), "rule 1");
    assert_eq!(said(&there, "GET", "/", &[("x-good", "")]), "");
}

#[test]
fn a_value_hides_behind_no_other_of_its_header() {
    let rules = block(vec![rule(
        requests(Conditions {
            header: Some(HeaderCondition {
                name: HeaderName::from_static("x-bad"),
                value: Some(Pattern::whole("on").unwrap()),
            }),
            ..Conditions::default()
        }),
        Mode::Enforce,
    )]);
    let cases: [(&[(&str, &str)], bool); 9] = [
        (&[("x-bad", "on")], true),
        (&[("x-bad", "off"), ("x-bad", "on")], true),
        (&[("x-bad", "on"), ("x-bad", "off")], true),
        (&[("x-bad", "off, on")], true),
        (&[("x-bad", "on,off")], true),
        (&[("x-bad", "off,\ton ,")], true),
        (&[("x-bad", "off, on x")], false),
        (&[("x-bad", "o,n")], false),
        (&[("x-good", "on")], false),
    ];
    for (fields, is_bad) in cases {
        let expected = if is_bad { "rule 1" } else { "" };
        assert_eq!(said(&rules, "GET", "/", fields), expected, "{fields:?}");
    }
}

#[test]
fn a_rule_that_observes_hides_none_behind_it() {
    let at = |path: &str| {
        requests(Conditions {
            path: Some(Pattern::path(path).unwrap()),
            ..Conditions::default()
        })
    };
    let rules = block(vec![
        rule(at("/a"), Mode::Observe),
        rule(Refused::Preset(Preset::CommonProbes), Mode::Enforce),
        rule(at("/a/b"), Mode::Enforce),
        rule(Refused::Preset(Preset::Bots), Mode::Observe),
    ]);
    let browser = [("user-agent", "Mozilla/5.0")];
    for (target, expected) in [
        ("/", ""),
        ("/a", "(rule 1)"),
        ("/a/.env", "(rule 1) common_probes"),
        ("/a/b", "(rule 1) rule 3"),
        ("/?f=%00", "common_probes"),
    ] {
        assert_eq!(said(&rules, "GET", target, &browser), expected, "{target}");
    }
    assert_eq!(said(&rules, "GET", "/", &[]), "(bots)");
    assert_eq!(
        said(&rules, "GET", "/", &[("user-agent", "sqlmap")]),
        "(bots)"
    );
}
