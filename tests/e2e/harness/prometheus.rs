//! A real Prometheus that watches an edge, as the example in `conf/prometheus` has it watch one.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{Client, free_port};

/// It is a large program, and the machine may be busy with everything else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps what it sees in a directory of its own. Killed when dropped.
pub(crate) struct Prometheus {
    _child: Child,
    port: u16,
    watched: String,
    started: SystemTime,
    _directory: TempDir,
}

/// One series of an answer: its labels, and its values over time.
pub(crate) struct Series {
    pub(crate) labels: Value,
    pub(crate) values: Vec<f64>,
}

impl Prometheus {
    /// Scrapes the admin endpoint at this port every second, with the example's configuration and alerts.
    pub(crate) async fn watching(admin: u16) -> Self {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/prometheus");
        let watched = format!("127.0.0.1:{admin}");
        let example = std::fs::read_to_string(examples.join("prometheus.yaml")).unwrap();
        let alerts = examples.join("alerts.yaml");
        let config = [
            ("127.0.0.1:8404", watched.as_str()),
            ("15s", "1s"),
            ("[alerts.yaml]", &format!("[{}]", alerts.display())),
        ]
        .iter()
        .fold(example, |config, (from, to)| {
            assert!(config.contains(from), "{from} in {config}");
            config.replace(from, to)
        });
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("prometheus.yaml");
        std::fs::write(&file, config).unwrap();
        let port = free_port();
        let prometheus = Self {
            _child: run(port, &file),
            port,
            watched,
            started: SystemTime::now(),
            _directory: directory,
        };
        prometheus.has_seen_it_twice().await;
        prometheus
    }

    /// What it calls the edge: the label `instance`.
    pub(crate) fn watched(&self) -> &str {
        &self.watched
    }

    /// Every series of this expression, second by second since it was started.
    pub(crate) async fn series(&self, expression: &str) -> Vec<Series> {
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (start, end) = (seconds(self.started), seconds(SystemTime::now()));
        let path = format!(
            "query_range?query={}&start={start}&end={end}&step=1",
            encoded(expression)
        );
        let data = self.ask(&path).await;
        let series = data["result"].as_array().unwrap().iter();
        series
            .map(|one| Series {
                labels: one["metric"].clone(),
                values: values(&one["values"]),
            })
            .collect()
    }

    /// The values of a label among the series of a selector.
    pub(crate) async fn label_values(&self, selector: &str, label: &str) -> Vec<String> {
        let path = format!("label/{label}/values?match[]={}", encoded(selector));
        let data = self.ask(&path).await;
        let values = data.as_array().unwrap().iter();
        values
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    }

    /// Every rule: `name`, `health`, `state` and so on.
    pub(crate) async fn rules(&self) -> Vec<Value> {
        let data = self.ask("rules").await;
        let groups = data["groups"].as_array().unwrap().iter();
        groups
            .flat_map(|group| group["rules"].as_array().unwrap().clone())
            .collect()
    }

    async fn ask(&self, path: &str) -> Value {
        let mut client = Client::connect(self.port).await;
        let answer = client.get(&format!("/api/v1/{path}")).await;
        let answer = answer.json();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    /// From then on it notices what changes.
    async fn has_seen_it_twice(&self) {
        let twice = async {
            while !self.is_ready().await || self.looks().await < 2 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let twice = tokio::time::timeout(PATIENCE, twice).await;
        twice.expect("Prometheus sees the edge in time");
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut client) = Client::try_connect(self.port).await else {
            return false;
        };
        client.get("/-/ready").await.status() == 200
    }

    async fn looks(&self) -> usize {
        let seen = self.series("up == 1").await;
        seen.first().map_or(0, |up| up.values.len())
    }
}

fn run(port: u16, file: &Path) -> Child {
    let data = file.with_file_name("data");
    Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--log.level=warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("prometheus: {error}; tests/run installs it"))
}

/// Pairs of a time and a value in text, which may be `NaN` or `+Inf`.
fn values(pairs: &Value) -> Vec<f64> {
    let pairs = pairs.as_array().unwrap().iter();
    pairs
        .map(|pair| pair[1].as_str().unwrap().parse().unwrap())
        .collect()
}

/// As it stands in a query.
fn encoded(text: &str) -> String {
    let bytes = text.bytes();
    bytes
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
