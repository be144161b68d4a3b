//! What the fields of a response become: one row a case.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::Plan;
use crate::policy::Coding;

/// The fields, as lines in their order by name.
fn dressed(plan: Plan, lines: &[(&str, &str)]) -> Vec<String> {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        fields.append(HeaderName::try_from(*name).unwrap(), value);
    }
    plan.dress(&mut fields);
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<_> = fields.iter().map(line).collect();
    lines.sort_by(|one, two| one.split(':').next().cmp(&two.split(':').next()));
    lines
}

const PLANS: [Plan; 5] = [
    Plan::Plain,
    Plan::Confirmed,
    Plan::Coded(Coding::Brotli),
    Plan::Coded(Coding::Zstd),
    Plan::Coded(Coding::Gzip),
];

#[test]
fn vary_names_accept_encoding_once_whatever_was_decided() {
    for (before, after) in [
        (&[][..], &["vary: Accept-Encoding"][..]),
        (&["Accept-Encoding"], &["vary: Accept-Encoding"]),
        (&["accept-encoding"], &["vary: accept-encoding"]),
        (
            &["Origin,ACCEPT-ENCODING"],
            &["vary: Origin,ACCEPT-ENCODING"],
        ),
        (&["*"], &["vary: *"]),
        (&["Origin, *"], &["vary: Origin, *"]),
        (&["Origin"], &["vary: Origin", "vary: Accept-Encoding"]),
        (
            &["Origin", "Accept-Encoding"],
            &["vary: Origin", "vary: Accept-Encoding"],
        ),
        (
            &["X-Accept-Encoding"],
            &["vary: X-Accept-Encoding", "vary: Accept-Encoding"],
        ),
        (&[""], &["vary: ", "vary: Accept-Encoding"]),
    ] {
        let lines: Vec<_> = before.iter().map(|value| ("vary", *value)).collect();
        for plan in PLANS {
            let mut seen = dressed(plan, &lines);
            seen.retain(|line| line.starts_with("vary"));
            assert_eq!(seen, after, "{plan:?} {before:?}");
        }
        assert_eq!(dressed(Plan::Untouched, &lines).len(), before.len());
    }
}

#[test]
fn a_strong_tag_becomes_weak_and_what_is_no_tag_goes() {
    for (before, after) in [
        ("\"1\"", Some("etag: W/\"1\"")),
        ("\"\"", Some("etag: W/\"\"")),
        ("\"a,b c\"", Some("etag: W/\"a,b c\"")),
        ("\"\u{e9}\"", Some("etag: W/\"\u{e9}\"")),
        ("W/\"1\"", Some("etag: W/\"1\"")),
        ("1", None),
        ("\"", None),
        ("\"1", None),
        ("w/\"1\"", None),
        ("", None),
    ] {
        for plan in PLANS {
            let mut seen = dressed(plan, &[("etag", before)]);
            seen.retain(|line| line.starts_with("etag"));
            if plan == Plan::Plain {
                assert_eq!(seen, [format!("etag: {before}")]);
            } else {
                assert_eq!(seen.first().map(String::as_str), after, "{plan:?} {before}");
            }
        }
    }
}

#[test]
fn what_was_true_of_the_bytes_before_goes_when_they_change() {
    let all = [
        ("accept-ranges", "bytes"),
        ("cache-control", "max-age=5"),
        ("content-digest", "sha-256=:AA==:"),
        ("content-encoding", "identity"),
        ("content-language", "de"),
        ("content-length", "5000"),
        ("content-md5", "AA=="),
        ("content-type", "text/html"),
        ("digest", "md5=AA=="),
        ("last-modified", "Sat, 21 Nov 2026 08:00:00 GMT"),
        ("repr-digest", "sha-256=:AA==:"),
    ];
    let kept = [
        "cache-control: max-age=5",
        "content-language: de",
        "content-type: text/html",
        "last-modified: Sat, 21 Nov 2026 08:00:00 GMT",
        "vary: Accept-Encoding",
    ];
    for (plan, encoding) in [
        (Plan::Coded(Coding::Brotli), "content-encoding: br"),
        (Plan::Coded(Coding::Zstd), "content-encoding: zstd"),
        (Plan::Coded(Coding::Gzip), "content-encoding: gzip"),
        (Plan::Confirmed, "content-encoding: identity"),
    ] {
        let mut seen = dressed(plan, &all);
        let at = seen.iter().position(|line| line == encoding).unwrap();
        seen.remove(at);
        assert_eq!(seen, kept, "{plan:?}");
    }
    assert_eq!(dressed(Plan::Plain, &all).len(), all.len() + 1);
    assert_eq!(dressed(Plan::Untouched, &all).len(), all.len());
}

#[test]
fn a_plan_without_coding_only_varies() {
    for plan in PLANS {
        let without = plan.without_coding();
        assert_eq!(without.coding(), None);
        match plan {
            Plan::Coded(_) => assert_eq!(without, Plan::Plain),
            other => assert_eq!(without, other),
        }
    }
}
