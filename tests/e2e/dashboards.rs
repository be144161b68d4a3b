//! The dashboard for Grafana and the alerts for Prometheus: in good form, and of metrics that there are.

mod board;
mod form;
mod live;
mod rules;
mod trouble;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

/// A file of ours by its path from the root.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap()
}

/// What promtool says, if it is content.
async fn promtool(arguments: &[&str], path: &Path) -> String {
    let run = Command::new("promtool")
        .args(arguments)
        .arg(path)
        .kill_on_drop(true)
        .output();
    // It is a large program, and the machine may be busy with everything else.
    let output = tokio::time::timeout(Duration::from_secs(60), run).await;
    let output = output
        .expect("promtool ends in time")
        .unwrap_or_else(|error| panic!("promtool: {error}; tests/run installs it"));
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// The metrics that an expression is about.
fn metrics(expression: &str) -> Vec<String> {
    let outside_quotes = expression.split('"').step_by(2);
    let words = outside_quotes.flat_map(|text| text.split(|letter: char| !is_of_name(letter)));
    words
        .filter(|word| word.starts_with("simplon_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[test]
fn metrics_are_found_wherever_they_stand() {
    let expression = r#"sum by (le) (rate(simplon_a_bucket{b="simplon_c"}[5m])) / process_d > 1"#;
    assert_eq!(metrics(expression), ["simplon_a_bucket", "process_d"]);
}
