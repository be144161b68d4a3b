//! Where redirects lead, and where nobody can make them lead.

use std::sync::LazyLock;

use http::{Uri, header};
use proptest::prelude::*;

use super::*;
use crate::{
    admit::normalise,
    route::{Pattern, Template},
};

fn redirect(pattern: &str, to: &str, keep_query: bool) -> Redirect {
    let pattern = (!pattern.is_empty()).then(|| Pattern::new(pattern).unwrap());
    let to = Template::parse(to, pattern.as_ref()).unwrap_or_else(|bad| panic!("{to} {bad:?}"));
    let target = Target {
        pattern,
        to,
        keep_query,
    };
    Redirect::new(StatusCode::FOUND, target)
}

/// Where a client of `example.ch` is sent that asks for this.
fn led(redirect: &Redirect, path: &str, query: &str) -> Result<String, Refusal> {
    let asked = Asked {
        host: "example.ch",
        path: &normalise(path)?,
        query,
    };
    let answer = redirect.answer(&asked)?;
    assert_eq!(answer.status, 302);
    assert!(answer.body.is_empty());
    let [(header::LOCATION, to)] = &answer.fields[..] else {
        panic!("{answer:?}");
    };
    Ok(to.to_str().unwrap().to_owned())
}

/// Pattern and template, path and query, and where they lead.
const PLACES: &[[&str; 5]] = &[
    ["", "/new", "/old", "?x=1", "/new"],
    [
        "",
        "https://example.org/",
        "/old",
        "",
        "https://example.org/",
    ],
    [
        "^/blog/([0-9]+)$",
        "https://a.ch/posts/{1}",
        "/blog/42",
        "?x=1",
        "https://a.ch/posts/42",
    ],
    [
        "^/(?P<y>[0-9]+)/(.*)$",
        "/{2}/{y}/{1}",
        "/2026/a/b",
        "",
        "/a/b/2026/2026",
    ],
    ["^/a(/b)?$", "/x{1}/y", "/a", "", "/x/y"],
    [
        "",
        "https://www.{host}{path}",
        "/a%20b/c",
        "?q",
        "https://www.example.ch/a%20b/c",
    ],
    [
        "",
        "https://www.{host}{uri}",
        "/a",
        "?q=1&r",
        "https://www.example.ch/a?q=1&r",
    ],
    [
        "",
        "https://www.{host}{uri}",
        "/a",
        "",
        "https://www.example.ch/a",
    ],
    ["", "{path}/", "/a", "", "/a/"],
    ["", "/find?{query}&old=1", "/a", "?q=1", "/find?q=1&old=1"],
    [
        "^/t/(.+)$",
        "/find?tag={1}",
        "/t/a&b+c;d=e",
        "",
        "/find?tag=a%26b%2Bc%3Bd=e",
    ],
    [
        "^/t/(.+)$",
        "/find?tag={1}",
        "/t/a%26b",
        "",
        "/find?tag=a%26b",
    ],
    [
        "",
        "/login?to={uri}",
        "/a",
        "?b=c&d",
        "/login?to=/a%3Fb=c&d",
    ],
    ["^/(.+)$", "/x#{1}", "/a;b", "", "/x#a%3Bb"],
    ["", "/{{1}}/{{{host}}}", "/a", "", "/{1}/{example.ch}"],
    [
        "",
        "https://{host}:8443/",
        "/a",
        "",
        "https://example.ch:8443/",
    ],
];

#[test]
fn a_redirect_leads_where_it_says() {
    for [pattern, to, path, query, led_to] in PLACES {
        let led = led(&redirect(pattern, to, false), path, query);
        assert_eq!(led.as_deref(), Ok(*led_to), "{to} {path}{query}");
    }
}

#[test]
fn a_query_that_is_kept_goes_behind_one_and_before_a_fragment() {
    for (to, query, led_to) in [
        ("/new", "?x=1", "/new?x=1"),
        ("/new", "", "/new"),
        ("/new", "?", "/new"),
        ("/new?a=b", "?x=1", "/new?a=b&x=1"),
        ("/new?", "?x=1", "/new?x=1"),
        ("/new?a&", "?x", "/new?a&x"),
        ("/new#top", "?x=1", "/new?x=1#top"),
        ("/new?a#top", "?x=1", "/new?a&x=1#top"),
        ("https://a.ch", "?x=1", "https://a.ch?x=1"),
        ("/new", "?a?b\\c", "/new?a?b%5Cc"),
    ] {
        let led = led(&redirect("", to, true), "/old", query);
        assert_eq!(led.as_deref(), Ok(led_to), "{to} {query}");
    }
}

#[test]
fn a_path_that_does_not_fit_has_no_route() {
    let redirect = redirect("^/blog/([0-9]+)$", "/posts/{1}", false);
    for path in ["/blog/", "/blog/x", "/blog/1/", "/x/blog/1", "/blog/1%20"] {
        assert_eq!(led(&redirect, path, ""), Err(Refusal::NoRoute), "{path}");
    }
}

/// Each of these has led users of some proxy to a host of the attacker's choice.
#[test]
fn no_trick_leads_to_another_host() {
    for (pattern, to, path, query, led_to) in [
        ("^/x(.*)$", "{path}", "//evil.test", "", None),
        ("^/x(.*)$", "/{1}", "/x/evil.test", "", Some("/evil.test")),
        ("^/x(.*)$", "/{1}", "/x//evil.test", "", Some("/evil.test")),
        ("^/x(.*)$", "/{1}", "/x/%2e%2e//evil.test", "", None),
        (
            "^/x/(.*)$",
            "/{1}",
            "/x///evil.test",
            "",
            Some("/evil.test"),
        ),
        (
            "^/x(.*)$",
            "/{1}{1}",
            "/x/evil.test",
            "",
            Some("/evil.test/evil.test"),
        ),
        ("", "/{query}", "/x", "?/evil.test", Some("/evil.test")),
        ("", "/{query}", "/x", "?\\evil.test", Some("/%5Cevil.test")),
        ("", "/{query}", "/x", "?/\\evil.test", Some("/%5Cevil.test")),
        ("", "/{query}", "/x", "?//evil.test", Some("/evil.test")),
        ("", "{path}", "/\\evil.test", "", None),
        ("", "{path}", "/%5cevil.test", "", None),
        ("", "{path}", "/%2f%2fevil.test", "", None),
        (
            "",
            "{path}",
            "/%0d%0aLocation:%20https://evil.test",
            "",
            None,
        ),
        ("", "{path}", "/..//evil.test", "", None),
        (
            "",
            "https://{host}{path}",
            "/@evil.test",
            "",
            Some("https://example.ch/@evil.test"),
        ),
        (
            "",
            "https://{host}{path}",
            "/.evil.test",
            "",
            Some("https://example.ch/.evil.test"),
        ),
        (
            "",
            "https://a.ch{uri}",
            "/x",
            "?@evil.test",
            Some("https://a.ch/x?@evil.test"),
        ),
    ] {
        let led = led(&redirect(pattern, to, false), path, query);
        match (&led, led_to) {
            (Ok(led), Some(led_to)) => assert_eq!(led, led_to, "{to} {path}{query}"),
            (Err(Refusal::Malformed(_) | Refusal::NoRoute), None) => {}
            _ => panic!("{to} {path}{query}: {led:?}"),
        }
    }
}

#[test]
fn nobody_who_asks_can_be_let_choose_the_host() {
    let pattern = Pattern::new("^(.*)$").unwrap();
    for to in [
        "https://{1}",
        "https://{1}.example.ch/",
        "https://example.ch{1}",
        "https://example.ch:{1}/",
        "https://example.ch{query}",
        "https://{query}/",
        "https://{host}{1}",
    ] {
        let bad = Template::parse(to, Some(&pattern)).unwrap_err();
        assert!(bad.message.contains("choose the host"), "{to}: {bad:?}");
    }
}

#[test]
fn where_there_is_no_host_none_is_named() {
    let asked = Asked {
        host: "",
        path: "/a",
        query: "",
    };
    let answer = redirect("", "https://{host}{path}", false).answer(&asked);
    assert_eq!(answer.unwrap_err().label(), "malformed");
    assert!(redirect("", "/x{path}", false).answer(&asked).is_ok());
}

#[test]
fn what_would_be_too_long_is_refused() {
    let redirect = redirect("^/(.*)$", "/{1}{1}{1}{1}", false);
    let path = format!("/{}", "x".repeat(4200));
    assert_eq!(led(&redirect, &path, ""), Err(Refusal::UriTooLong));
    let path = format!("/{}", "x".repeat(4000));
    assert!(led(&redirect, &path, "").is_ok());
}

/// Redirects of many kinds, each with and without the query.
static ANY: LazyLock<Vec<Redirect>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for pattern in ["^(/.*)$", "^/(.*)$", "^/(.)(.*)$", "^(.)"] {
        for to in [
            "/{1}",
            "/x{1}",
            "{path}{1}",
            "https://a.ch/{1}",
            "https://a.ch/x?y={1}",
        ] {
            all.extend([false, true].map(|keep| redirect(pattern, to, keep)));
        }
    }
    all.extend(["/{query}", "{uri}"].map(|to| redirect("", to, false)));
    all
});

proptest! {
    #[test]
    fn wherever_a_redirect_leads_it_is_a_url_of_its_host(
        path in "(/|/[a-z.;&+@:%]{0,6}|/%[0-9a-f]{2}|//|/\\.\\.){1,6}",
        query in "(\\?[!-~]{0,12})?",
    ) {
        for redirect in &*ANY {
            let Ok(to) = led(redirect, &path, &query) else { continue };
            prop_assert!(!to.starts_with("//"), "{to}");
            prop_assert!(to.starts_with('/') || to.starts_with("https://a.ch/"), "{to}");
            prop_assert!(to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'), "{to}");
            let is_odd = to.contains(['[', ']', '^', '|', '{', '}']);
            prop_assert!(is_odd || to.parse::<Uri>().is_ok(), "{to}");
        }
    }
}
