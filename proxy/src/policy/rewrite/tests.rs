//! What servers are asked for.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::route::{Pattern, Target, Template};

fn to(pattern: &str, to: &str, keep_query: bool) -> Rewrite {
    let pattern = (!pattern.is_empty()).then(|| Pattern::new(pattern).unwrap());
    Rewrite::new(&Arc::new(model::Rewrite::To(Target {
        to: Template::parse(to, pattern.as_ref()).unwrap(),
        pattern,
        keep_query,
    })))
}

fn target(rewrite: &Rewrite, path: &str, query: &str) -> Result<Option<String>, Refusal> {
    let host = "example.ch";
    rewrite.target(&Asked { host, path, query })
}

#[test]
fn a_rewrite_asks_for_what_it_says() {
    for (pattern, template, path, query, expected) in [
        ("", "/new", "/old", "?x=1", Some("/new?x=1")),
        ("^/old/(.*)$", "/new/{1}", "/old/a/b", "", Some("/new/a/b")),
        ("^/old/(.*)$", "/new/{1}", "/other", "?x", None),
        (
            "^/p/([0-9]+)$",
            "/index.php?id={1}",
            "/p/7",
            "",
            Some("/index.php?id=7"),
        ),
        (
            "^/p/([0-9]+)$",
            "/index.php?id={1}",
            "/p/7",
            "?x=1",
            Some("/index.php?id=7&x=1"),
        ),
        (
            "^/p/(.*)$",
            "/index.php?id={1}",
            "/p/7&admin=1",
            "",
            Some("/index.php?id=7%26admin=1"),
        ),
        ("", "/v1{path}", "/a%20b/", "?", Some("/v1/a%20b/")),
        ("^/x(.*)$", "/y/{1}", "/x/a", "", Some("/y/a")),
        ("^/x/(.*)$", "/y/../{1}", "/x/a", "", Some("/a")),
        ("", "/{host}{path}", "/a", "", Some("/example.ch/a")),
    ] {
        let asked_for = target(&to(pattern, template, true), path, query);
        assert_eq!(
            asked_for,
            Ok(expected.map(str::to_owned)),
            "{template} {path}{query}"
        );
    }
    let dropped = target(&to("", "/new", false), "/old", "?x=1");
    assert_eq!(dropped, Ok(Some("/new".to_owned())));
}

#[test]
fn what_is_no_path_is_refused() {
    for (pattern, template, path, query) in [
        ("^/a(.)(.)(.*)$", "/{2}{3}", "/a%41", ""), // cuts an escape in two
        ("^/(.*)(.)$", "/{1}", "/a%20", ""),
        ("^/(.*)$", "/.{1}/../..", "/.a", ""),
        ("^/x(.*)$", "/.{1}", "/x.", ""),
        ("", "/{query}", "/x", "?../.."),
        ("", "/{query}", "/x", "?a%2fb"),
    ] {
        let refused = target(&to(pattern, template, true), path, query);
        let is_refused = matches!(refused, Err(Refusal::Malformed(_)));
        let is_normal = refused.as_ref().is_ok_and(|target| {
            target
                .as_ref()
                .is_some_and(|target| normal(target).as_ref() == Ok(target))
        });
        assert!(
            is_refused || is_normal,
            "{template} {path}{query}: {refused:?}"
        );
    }
    let broken = target(&to("^/(.*).$", "/{1}", true), "/a%20", "");
    assert!(matches!(broken, Err(Refusal::Malformed(_))), "{broken:?}");
    let above = target(&to("", "/{query}", true), "/x", "?../..");
    assert!(matches!(above, Err(Refusal::Malformed(_))), "{above:?}");
}

#[test]
fn a_prefix_goes_before_the_path() {
    let rewrite = Rewrite::new(&Arc::new(model::Rewrite::AddPrefix("/v1".to_owned())));
    for (path, query, expected) in [("/", "", "/v1/"), ("/a", "?b=c", "/v1/a?b=c")] {
        assert_eq!(target(&rewrite, path, query), Ok(Some(expected.to_owned())));
    }
}

static ANY: LazyLock<Vec<Rewrite>> = LazyLock::new(|| {
    let all = [
        ("^/(.*)$", "/x/{1}"),
        ("^/(.)(.*)$", "/{2}/{1}"),
        ("^/(.*).$", "/{1}?a={1}"),
        ("", "/{query}"),
        ("", "{uri}"),
        ("", "/..{path}"),
    ];
    all.map(|(pattern, template)| to(pattern, template, false))
        .into()
});

proptest! {
    #[test]
    fn a_rewrite_gives_a_path_in_normal_form_or_a_refusal(
        path in "(/|/[a-z.;&%]{0,4}|/%[0-9a-f]{2}|//|/\\.\\.){1,6}",
        query in "(\\?[!-~]{0,12})?",
    ) {
        let Ok(path) = normalise(&path) else { return Ok(()) };
        for rewrite in &*ANY {
            if let Ok(Some(target)) = target(rewrite, &path, &query) {
                let bare = target.split('?').next().unwrap();
                prop_assert!(normalise(bare).is_ok_and(|normal| normal == bare), "{}", target);
                prop_assert!(target.bytes().all(|b| b.is_ascii_graphic() && b != b'#'), "{}", target);
            }
        }
    }
}
