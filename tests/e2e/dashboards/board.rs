//! The dashboard as Grafana reads it.

use serde_json::Value;

use super::text;

pub(super) struct Board(Value);

/// One expression of a panel.
#[derive(Clone, Debug)]
pub(super) struct Query {
    /// The panel's title.
    pub(super) of: String,
    pub(super) expression: String,
    /// With labels in `{{braces}}`.
    pub(super) legend: String,
}

impl Board {
    pub(super) fn read() -> Self {
        let text = text("conf/grafana/simplon.json");
        Self(serde_json::from_str(&text).unwrap())
    }

    pub(super) fn json(&self) -> &Value {
        &self.0
    }

    /// Rows among them.
    pub(super) fn panels(&self) -> &[Value] {
        self.0["panels"].as_array().unwrap()
    }

    /// Those of all panels.
    pub(super) fn queries(&self) -> Vec<Query> {
        let of_panel = |panel: &Value| -> Vec<Query> {
            let targets = panel["targets"].as_array();
            let targets = targets.into_iter().flatten();
            targets
                .map(|target| Query::of(&panel["title"], target, "legendFormat"))
                .collect()
        };
        self.panels().iter().flat_map(of_panel).collect()
    }

    /// Those of what is marked on the time axis.
    pub(super) fn marks(&self) -> Vec<Query> {
        let all = self.0["annotations"]["list"].as_array().unwrap().iter();
        let ours = all.filter(|mark| mark["builtIn"].is_null());
        ours.map(|mark| Query::of(&mark["name"], mark, "textFormat"))
            .collect()
    }

    /// Selector and label of each variable that Prometheus knows the values of.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let all = self.0["templating"]["list"].as_array().unwrap().iter();
        let queries = all.filter(|variable| variable["type"] == "query");
        queries
            .map(|variable| {
                let query = words(&variable["query"]["query"]);
                let inner = query.strip_prefix("label_values(");
                let inner = inner.and_then(|inner| inner.strip_suffix(')'));
                let (selector, label) = inner.unwrap().rsplit_once(", ").unwrap();
                (selector.to_owned(), label.to_owned())
            })
            .collect()
    }
}

impl Query {
    fn of(name: &Value, query: &Value, legend: &str) -> Self {
        Self {
            of: words(name),
            expression: words(&query["expr"]),
            legend: words(&query[legend]),
        }
    }

    /// The labels that the legend shows.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        let parts = self.legend.split("{{").skip(1);
        parts.map(|part| part.split("}}").next().unwrap())
    }
}

/// An expression as Grafana sends it when everything of this instance is chosen.
pub(super) fn filled(expression: &str, instance: &str) -> String {
    let filled = [
        ("$__rate_interval", "5s"),
        ("$__range", "60s"),
        ("$instance", &*instance.replace('.', r"\\.")),
        ("$upstream", ".*"),
        ("$route", ".*"),
    ]
    .iter()
    .fold(expression.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    });
    assert!(!filled.contains('$'), "{filled}");
    filled
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
