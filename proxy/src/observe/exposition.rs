//! Prometheus' text format 0.0.4, for families whose values are asked for at the scrape.

use std::{
    fmt::{Display, Write},
    time::Duration,
};

/// A family with its samples, as text.
#[derive(Debug)]
pub struct Family {
    name: &'static str,
    head: String,
    samples: String,
}

impl Family {
    pub fn gauge(name: &'static str, help: &str) -> Self {
        Self::new(name, help, "gauge")
    }

    pub fn counter(name: &'static str, help: &str) -> Self {
        Self::new(name, help, "counter")
    }

    pub(super) fn histogram(name: &'static str, help: &str) -> Self {
        Self::new(name, help, "histogram")
    }

    fn new(name: &'static str, help: &str, kind: &str) -> Self {
        Self {
            name,
            head: format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"),
            samples: String::new(),
        }
    }

    pub fn sample(&mut self, labels: &Labels, value: impl Display) {
        // Writing to memory cannot fail.
        let _ = writeln!(self.samples, "{}{labels} {value}", self.name);
    }

    /// One series of a histogram: how many took up to each bound, how many there were, and what they took together.
    pub(super) fn distribution(
        &mut self,
        labels: &Labels,
        within: &[(f64, u64)],
        total: u64,
        sum: Duration,
    ) {
        let (name, samples) = (self.name, &mut self.samples);
        for (bound, count) in within {
            let labels = labels.and("le", &bound.to_string());
            let _ = writeln!(samples, "{name}_bucket{labels} {count}");
        }
        let _ = writeln!(samples, "{name}_bucket{} {total}", labels.and("le", "+Inf"));
        let _ = writeln!(samples, "{name}_sum{labels} {}", sum.as_secs_f64());
        let _ = writeln!(samples, "{name}_count{labels} {total}");
    }

    /// Nothing, for a family without samples.
    pub fn append_to(self, text: &mut String) {
        if !self.samples.is_empty() {
            text.push_str(&self.head);
            text.push_str(&self.samples);
        }
    }
}

/// Labels in braces, or nothing at all.
#[derive(Clone, Debug, Default)]
pub struct Labels(String);

impl Labels {
    pub fn new(labels: &[(&str, &str)]) -> Self {
        labels
            .iter()
            .fold(Self::default(), |all, (name, value)| all.and(name, value))
    }

    /// With one more.
    #[must_use]
    pub fn and(&self, name: &str, value: &str) -> Self {
        let mut labels = self.0.clone();
        if !labels.is_empty() {
            labels.push(',');
        }
        labels.push_str(name);
        labels.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => labels.push_str("\\\\"),
                '"' => labels.push_str("\\\""),
                '\n' => labels.push_str("\\n"),
                plain => labels.push(plain),
            }
        }
        labels.push('"');
        Self(labels)
    }
}

impl Display for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "{{{}}}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_labels_are_escaped() {
        let labels = Labels::new(&[("a", "x\"y\\z\nw"), ("b", "")]);
        assert_eq!(labels.to_string(), r#"{a="x\"y\\z\nw",b=""}"#);
    }

    #[test]
    fn a_family_without_samples_is_not_mentioned() {
        let mut text = String::new();
        Family::gauge("empty", "Nothing.").append_to(&mut text);
        let mut full = Family::counter("full_total", "Something.");
        full.sample(&Labels::default(), 7);
        full.append_to(&mut text);
        let expected = "# HELP full_total Something.\n# TYPE full_total counter\nfull_total 7\n";
        assert_eq!(text, expected);
    }
}
