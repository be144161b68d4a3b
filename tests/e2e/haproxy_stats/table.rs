//! The table: columns, kinds and tags, beside those of the `HAProxy` that is installed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ours, Theirs, cell, columns, entries, names};

/// What it fills and we leave empty, since we have nothing to say there.
const EMPTY: [(&str, &[&str]); 3] = [
    ("FRONTEND", &["comp_byp"]),
    ("server", &[]),
    ("BACKEND", &["slim", "comp_byp"]),
];
/// What we fill and it leaves empty: its servers are watched by checks alone.
const MORE: [(&str, &[&str]); 3] = [
    ("FRONTEND", &[]),
    ("server", &["hanafail"]),
    ("BACKEND", &[]),
];

/// The columns among `names` that are filled in any row of each kind.
fn filled(text: &str, names: &[String]) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut filled = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text.lines().skip(1) {
        let row = columns(line);
        let kind = match &*row[1] {
            "FRONTEND" => "FRONTEND",
            "BACKEND" => "BACKEND",
            _ => "server",
        };
        let cells = names.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let columns = cells.map(|(name, _)| name.clone());
        filled.entry(kind).or_default().extend(columns);
    }
    filled
}

#[tokio::test]
async fn our_columns_begin_with_those_of_the_real_one() {
    let (ours, theirs) = (Ours::start("").await, Theirs::start().await);
    let their_text = theirs.get("/stats;csv").await;
    let (our_text, their_text) = (ours.csv().await, their_text.text());
    let (our_names, their_names) = (names(&our_text), names(their_text));
    assert!(their_names.len() >= 101, "{their_names:?}");
    let shared = our_names.len().min(their_names.len());
    assert_eq!(our_names[..shared], their_names[..shared]);

    for text in [&*our_text, their_text] {
        let width = columns(text.lines().next().unwrap()).len();
        for line in text.lines() {
            assert_eq!(columns(line).len(), width, "{line}");
            assert!(line.ends_with(','), "{line}");
        }
    }
    let shared = &our_names[..shared];
    let (our_filled, their_filled) = (filled(&our_text, shared), filled(their_text, shared));
    for ((kind, empty), (_, more)) in EMPTY.into_iter().zip(MORE) {
        let (ours, theirs) = (&our_filled[kind], &their_filled[kind]);
        let missing: Vec<_> = theirs.difference(ours).collect();
        let extra: Vec<_> = ours.difference(theirs).collect();
        let expected = |of: &[&str]| of.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(
            missing,
            expected(empty).iter().collect::<Vec<_>>(),
            "{kind}"
        );
        assert_eq!(extra, expected(more).iter().collect::<Vec<_>>(), "{kind}");
    }
    // It quotes as we do, who have such a text in a unit test.
    assert!(their_text.contains(",\"a,\"\"b\","), "{their_text}");
}

#[tokio::test]
async fn json_has_the_kinds_and_tags_of_the_real_one() {
    let (ours, theirs) = (Ours::start("").await, Theirs::start().await);
    let ours = ours.get("/stats;json").await;
    // Not its odd server: it does not escape a quote in JSON.
    let (web, app) = (
        theirs.get("/stats;json?scope=web").await,
        theirs.get("/stats;json?scope=app").await,
    );
    assert_eq!(ours.field("content-type"), web.field("content-type"));
    let (ours, web, app) = (ours.json(), web.json(), app.json());
    for kind in ["Frontend", "Server", "Backend"] {
        let mut compared = BTreeSet::new();
        for their in [entries(&web, kind), entries(&app, kind)].concat() {
            for our in entries(&ours, kind) {
                if our["field"]["pos"] != their["field"]["pos"]
                    || our["field"]["name"] != their["field"]["name"]
                {
                    continue;
                }
                compared.insert(our["field"]["name"].as_str().unwrap().to_owned());
                let form = |entry: &serde_json::Value| {
                    let keys: Vec<_> = entry.as_object().unwrap().keys().cloned().collect();
                    (
                        keys,
                        entry["tags"].clone(),
                        entry["value"]["type"].clone(),
                        entry["processNum"].clone(),
                    )
                };
                assert_eq!(form(our), form(their), "{kind}: {our}");
            }
        }
        assert!(compared.len() > 35, "{kind}: {compared:?}");
    }
}

#[tokio::test]
async fn what_is_counted_stands_where_haproxy_has_it() {
    let ours = Ours::start("").await;
    let text = ours.csv().await;
    let up = ours.origin.to_string();
    for (proxy, server, column, expected) in [
        ("http", "FRONTEND", "status", "OPEN"),
        ("http", "FRONTEND", "type", "0"),
        ("http", "FRONTEND", "stot", "1"),
        ("http", "FRONTEND", "hrsp_2xx", "4"),
        ("http", "FRONTEND", "hrsp_3xx", "1"),
        ("http", "FRONTEND", "h1req", "5"),
        ("http", "FRONTEND", "intercepted", "1"),
        ("http", "FRONTEND", "bout", "20"),
        ("app", &up, "status", "UP"),
        ("app", &up, "type", "2"),
        ("app", &up, "lbtot", "4"),
        ("app", &up, "hrsp_2xx", "4"),
        ("app", &up, "check_status", "L7OK"),
        ("app", &up, "check_code", "200"),
        ("app", &up, "check_desc", "Layer7 check passed"),
        ("app", &up, "check_health", "4"),
        ("app", &up, "addr", &up),
        ("app", &up, "connect", "1"),
        ("app", &up, "reuse", "3"),
        ("app", &up, "srv_icur", "1"),
        ("app", "BACKEND", "status", "UP"),
        ("app", "BACKEND", "act", "1"),
        ("app", "BACKEND", "weight", "1"),
        ("app", "BACKEND", "stot", "4"),
        ("app", "BACKEND", "algo", "roundrobin"),
    ] {
        assert_eq!(
            cell(&text, proxy, server, column),
            expected,
            "{proxy} {server} {column}"
        );
    }
}

#[tokio::test]
async fn suffixes_choose_form_and_rows() {
    let ours = Ours::start("").await;
    let csv = ours.get("/stats;csv").await;
    assert_eq!(csv.field("content-type"), Some("text/plain; charset=utf-8"));
    let rows = |text: &str| -> Vec<String> {
        let rows = text.lines().skip(1).map(columns);
        rows.map(|row| format!("{}/{}", row[0], row[1])).collect()
    };
    let up = format!("app/{}", ours.origin);
    assert_eq!(rows(csv.text()).len(), 4);
    for path in [
        "/stats;csv;up?scope=app",
        "/stats;up;csv?scope=APP",
        "/stats?scope=app;csv;up",
        "/stats%3Bcsv%3Bup?scope=app",
        "/stats?;csv;norefresh;up&scope=app",
    ] {
        let answer = ours.get(path).await;
        assert_eq!(rows(answer.text()), [&*up, "app/BACKEND"], "{path}");
    }
}
