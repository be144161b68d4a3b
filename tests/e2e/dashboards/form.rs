//! The dashboard is one that Grafana can import, and that a reader finds his way in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{board::Board, board::filled, promtool};

/// The kinds of panels that we use, all of which Grafana brings along (its folder `public/app/plugins/panel`).
const KINDS: [&str; 6] = [
    "bargauge",
    "row",
    "stat",
    "state-timeline",
    "table",
    "timeseries",
];

/// Grafana's grid.
const COLUMNS: u64 = 24;

fn is_row(panel: &Value) -> bool {
    panel["type"] == "row"
}

/// Left, top, width and height.
fn place(panel: &Value) -> [u64; 4] {
    ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap())
}

fn overlap([x, y, w, h]: [u64; 4], [x2, y2, w2, h2]: [u64; 4]) -> bool {
    x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h
}

#[test]
fn panels_have_a_number_and_a_place_of_their_own() {
    let board = Board::read();
    let panels = board.panels();
    for (nth, panel) in panels.iter().enumerate() {
        let [x, _, width, height] = place(panel);
        let title = &panel["title"];
        assert!(width > 0 && height > 0 && x + width <= COLUMNS, "{title}");
        for other in &panels[..nth] {
            assert_ne!(panel["id"], other["id"], "{title}");
            assert!(
                !overlap(place(panel), place(other)),
                "{title} lies over {}",
                other["title"]
            );
        }
    }
    let rows = panels.iter().filter(|panel| is_row(panel));
    let rows: Vec<_> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(
        rows,
        [
            "Overview",
            "Upstreams",
            "Servers",
            "Listeners and TLS",
            "Policies and limits",
            "Certificates",
            "Compression",
            "Process",
        ]
    );
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_and_from_what() {
    let board = Board::read();
    let panels = board.panels().iter();
    let mut titles = BTreeSet::new();
    for panel in panels.filter(|panel| !is_row(panel)) {
        let title = panel["title"].as_str().unwrap();
        assert!(titles.insert(title), "{title} stands twice");
        let description = panel["description"].as_str().unwrap();
        assert!(description.ends_with('.'), "{title}: {description}");
        let defaults = &panel["fieldConfig"]["defaults"];
        let is_timeline = panel["type"] == "state-timeline";
        assert!(is_timeline || defaults["unit"].is_string(), "{title}");
        let steps = defaults["thresholds"]["steps"].as_array().unwrap();
        assert!(steps[0]["value"].is_null(), "{title}");
        let values: Vec<_> = steps[1..]
            .iter()
            .map(|step| step["value"].as_f64().unwrap())
            .collect();
        assert!(values.is_sorted(), "{title}: {values:?}");
        let targets = panel["targets"].as_array().unwrap();
        let letters: BTreeSet<_> = targets
            .iter()
            .map(|target| target["refId"].as_str().unwrap())
            .collect();
        assert!(
            !targets.is_empty() && letters.len() == targets.len(),
            "{title}"
        );
        for target in targets {
            let is_table = target["format"] == "table";
            let legend = target["legendFormat"].as_str().unwrap();
            assert!(is_table || !legend.is_empty(), "{title}");
            assert_eq!(target["datasource"], from_variable(), "{title}");
        }
        assert_eq!(panel["datasource"], from_variable(), "{title}");
    }
    assert!(titles.len() > 60, "{titles:?}");
}

/// The Prometheus that is chosen above the panels.
fn from_variable() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

#[test]
fn grafana_is_told_at_the_import_what_the_dashboard_needs() {
    let board = Board::read();
    let json = board.json();
    assert_eq!(json["id"], Value::Null, "a number is another dashboard's");
    assert_eq!(json["uid"], "simplon-edge");
    assert!(json["schemaVersion"].as_u64() >= Some(39));
    assert_eq!(json["__inputs"][0]["name"], "DS_PROMETHEUS");
    let variable = &json["templating"]["list"][0];
    assert_eq!(variable["type"], "datasource");
    assert_eq!(variable["current"]["value"], "${DS_PROMETHEUS}");

    let panels = board.panels().iter();
    let used: BTreeSet<_> = panels
        .map(|panel| panel["type"].as_str().unwrap())
        .collect();
    assert_eq!(used, KINDS.into_iter().collect());
    let required = json["__requires"].as_array().unwrap().iter();
    let required: BTreeSet<_> = required
        .filter(|one| one["type"] == "panel")
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    // A row is no plugin.
    assert_eq!(
        required,
        KINDS.into_iter().filter(|kind| *kind != "row").collect()
    );
}

/// By promtool, which parses what is recorded.
#[tokio::test]
async fn every_expression_can_be_read() {
    let board = Board::read();
    let queries = [board.queries(), board.marks()].concat();
    let rules: Vec<_> = queries
        .iter()
        .enumerate()
        .map(|(nth, query)| {
            json!({ "record": format!("panel:{nth}"), "expr": filled(&query.expression, "a.test") })
        })
        .collect();
    let count = rules.len();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("panels.json");
    let groups = json!({ "groups": [{ "name": "panels", "rules": rules }] });
    std::fs::write(&path, groups.to_string()).unwrap();
    let said = promtool(&["check", "rules"], &path).await;
    assert!(
        said.contains(&format!("SUCCESS: {count} rules found")),
        "{said}"
    );
}
