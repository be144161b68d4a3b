//! The alerts: Prometheus takes them, each has been seen to fire and to stay silent, and each says what to do.

use serde_json::Value;

use super::{file, promtool, text};

/// Every alert of `alerts.yaml`.
pub(super) fn alerts() -> Vec<Value> {
    let read: Value = serde_yaml::from_str(&text("conf/prometheus/alerts.yaml")).unwrap();
    let groups = read["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

#[tokio::test]
async fn the_example_of_a_configuration_is_good_and_finds_the_alerts() {
    let example = file("conf/prometheus/prometheus.yaml");
    let said = promtool(&["check", "config"], &example).await;
    let found = format!("SUCCESS: {} rules found", alerts().len());
    assert!(said.contains(&found), "{said}");
}

#[tokio::test]
async fn each_alert_fires_when_it_should_and_only_then() {
    let cases = file("conf/prometheus/alerts.test.yaml");
    let said = promtool(&["test", "rules"], &cases).await;
    assert!(said.contains("SUCCESS"), "{said}");

    let read: Value = serde_yaml::from_str(&text("conf/prometheus/alerts.test.yaml")).unwrap();
    let tests = read["tests"].as_array().unwrap().iter();
    let tests: Vec<_> = tests
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .collect();
    for alert in alerts() {
        let is_shown = |fires: bool| {
            let of_alert = |test: &&&Value| test["alertname"] == alert["alert"];
            let mut of_alert = tests.iter().filter(of_alert);
            of_alert.any(|test| test["exp_alerts"].is_array() == fires)
        };
        assert!(is_shown(true) && is_shown(false), "{}", alert["alert"]);
    }
}

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let readme = text("README.md");
    let anchors: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| {
            let heading = heading.to_lowercase().replace(' ', "-");
            format!("README.md#{heading}")
        })
        .collect();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("Simplon"), "{name}");
        assert!(alert["for"].is_string(), "{name}");
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}");
        let notes = ["summary", "description", "runbook"].map(|note| {
            let note = alert["annotations"][note].as_str();
            note.unwrap_or_else(|| panic!("{name}")).to_owned()
        });
        let [summary, description, runbook] = notes;
        assert!(!summary.ends_with('.') && summary.len() < 150, "{name}");
        assert!(
            description.ends_with('.') && description.len() > 80,
            "{name}"
        );
        assert!(anchors.contains(&runbook), "{name}: {runbook}");
    }
}
