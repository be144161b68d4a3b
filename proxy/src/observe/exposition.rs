//! What `/metrics` answers: families of samples, in either of the two formats that scrapers read.
//!
//! A sample looks the same in both, so that no series has another name for another scraper; what introduces a family differs.

use std::{
    fmt::{Display, Write},
    time::Duration,
};

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::{Quantiles, format::Format};

/// One scrape, as it is written.
#[derive(Debug)]
pub struct Exposition {
    format: Format,
    text: String,
}

/// A family with its samples, as text.
#[derive(Debug)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// Labels in braces, or nothing at all.
#[derive(Clone, Debug, Default)]
pub struct Labels(String);

impl Exposition {
    pub fn new(format: Format) -> Self {
        Self {
            format,
            text: String::new(),
        }
    }

    /// Another of the same format, to be appended.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.format)
    }

    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
    }

    /// Adds a family, which must be there only once; nothing for one without samples.
    pub fn add(&mut self, family: &Family) {
        if !family.samples.is_empty() {
            self.introduce(family.name, family.help, family.kind);
            self.text.push_str(&family.samples);
        }
    }

    /// Adds a family as the registry gathers it.
    pub(super) fn add_gathered(&mut self, family: &MetricFamily) {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
        };
        self.introduce(family.name(), family.help(), kind);
        for metric in family.get_metric() {
            let pairs = metric.get_label().iter();
            let labels = pairs.fold(Labels::default(), |labels, pair| {
                labels.and(pair.name(), pair.value())
            });
            write_gathered(&mut self.text, family.name(), kind, &labels, metric);
        }
    }

    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn introduce(&mut self, name: &str, help: &str, kind: Kind) {
        let text = &mut self.text;
        let (name, help) = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => (
                name.strip_suffix("_total").unwrap_or(name),
                help.replace('"', "\\\""),
            ),
            (Format::OpenMetrics, _) => (name, help.replace('"', "\\\"")),
            (Format::Text, _) => (name, help.to_owned()),
        };
        // Writing to memory cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}");
        let _ = writeln!(text, "# TYPE {name} {}", kind.as_str());
        if self.format == Format::OpenMetrics
            && let Some(unit) = unit(name)
        {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
    }
}

/// What a name says that its values are measured in.
fn unit(name: &str) -> Option<&'static str> {
    ["seconds", "bytes"].into_iter().find(|unit| {
        name.strip_suffix(unit)
            .is_some_and(|rest| rest.ends_with('_'))
    })
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

impl Family {
    pub fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    /// The name ends in `_total`.
    pub fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Counter)
    }

    pub fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Histogram)
    }

    pub fn summary(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Summary)
    }

    const fn new(name: &'static str, help: &'static str, kind: Kind) -> Self {
        Self {
            name,
            help,
            kind,
            samples: String::new(),
        }
    }

    pub fn sample(&mut self, labels: &Labels, value: impl Display) {
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
        write_distribution(
            &mut self.samples,
            self.name,
            labels,
            within.iter().copied(),
            total,
            sum.as_secs_f64(),
        );
    }

    /// The percentiles of a summary, in seconds.
    pub(super) fn quantiles(&mut self, labels: &Labels, quantiles: Quantiles) {
        let Quantiles { p50, p95, p99 } = quantiles;
        for (quantile, millis) in [("0.5", p50), ("0.95", p95), ("0.99", p99)] {
            self.sample(&labels.and("quantile", quantile), millis / 1000.0);
        }
    }
}

fn write_gathered(text: &mut String, name: &str, kind: Kind, labels: &Labels, metric: &Metric) {
    let value = match kind {
        Kind::Counter => metric.get_counter().get_value(),
        Kind::Gauge | Kind::Summary => metric.get_gauge().get_value(),
        Kind::Histogram => {
            let histogram = metric.get_histogram();
            let within = histogram.get_bucket().iter();
            let within = within.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
            let (total, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
            write_distribution(text, name, labels, within, total, sum);
            return;
        }
    };
    let _ = writeln!(text, "{name}{labels} {value}");
}

fn write_distribution(
    text: &mut String,
    name: &str,
    labels: &Labels,
    within: impl Iterator<Item = (f64, u64)>,
    total: u64,
    sum: f64,
) {
    for (bound, count) in within.filter(|(bound, _)| bound.is_finite()) {
        let labels = labels.and("le", &float(bound));
        let _ = writeln!(text, "{name}_bucket{labels} {count}");
    }
    let _ = writeln!(text, "{name}_bucket{} {total}", labels.and("le", "+Inf"));
    let _ = writeln!(text, "{name}_sum{labels} {sum}");
    let _ = writeln!(text, "{name}_count{labels} {total}");
}

/// With a point in it, as `OpenMetrics` wants bounds.
fn float(number: f64) -> String {
    let mut text = number.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

impl Labels {
    pub fn new(labels: &[(&str, &str)]) -> Self {
        labels
            .iter()
            .fold(Self::default(), |all, (name, value)| all.and(name, value))
    }

    /// With one more.
    #[must_use]
    pub fn and(&self, name: &str, value: &str) -> Self {
        let mut labels = String::with_capacity(self.0.len() + name.len() + value.len() + 4);
        labels.push_str(&self.0);
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

    fn written(format: Format, families: &[Family]) -> String {
        let mut page = Exposition::new(format);
        families.iter().for_each(|family| page.add(family));
        page.finish()
    }

    #[test]
    fn values_of_labels_are_escaped() {
        let labels = Labels::new(&[("a", "x\"y\\z\nw"), ("b", "")]);
        assert_eq!(labels.to_string(), r#"{a="x\"y\\z\nw",b=""}"#);
    }

    #[test]
    fn a_family_without_samples_is_not_mentioned() {
        let mut full = Family::counter("full_total", "Something.");
        full.sample(&Labels::default(), 7);
        let families = [Family::gauge("empty", "Nothing."), full];
        let expected = "# HELP full_total Something.\n# TYPE full_total counter\nfull_total 7\n";
        assert_eq!(written(Format::Text, &families), expected);
    }

    #[test]
    fn openmetrics_names_counters_without_their_suffix_and_tells_units_and_the_end() {
        let mut bytes = Family::counter("sent_bytes_total", "Said to be \"much\".");
        bytes.sample(&Labels::default(), 7);
        let mut took = Family::summary("took_seconds", "Time.");
        let (p50, p95, p99) = (1.0, 2.0, 2500.0);
        took.quantiles(&Labels::default(), Quantiles { p50, p95, p99 });
        let expected = "# HELP sent_bytes Said to be \\\"much\\\".\n# TYPE sent_bytes counter\n\
                        # UNIT sent_bytes bytes\nsent_bytes_total 7\n\
                        # HELP took_seconds Time.\n# TYPE took_seconds summary\n\
                        # UNIT took_seconds seconds\ntook_seconds{quantile=\"0.5\"} 0.001\n\
                        took_seconds{quantile=\"0.95\"} 0.002\ntook_seconds{quantile=\"0.99\"} 2.5\n# EOF\n";
        assert_eq!(written(Format::OpenMetrics, &[bytes, took]), expected);
    }

    #[test]
    fn bounds_are_floats_in_both_formats() {
        let mut took = Family::histogram("took_seconds", "Time.");
        let within = [(0.005, 1), (1.0, 2), (f64::INFINITY, 3)];
        took.distribution(&Labels::default(), &within, 3, Duration::from_secs(9));
        let expected = "took_seconds_bucket{le=\"0.005\"} 1\ntook_seconds_bucket{le=\"1.0\"} 2\n\
                        took_seconds_bucket{le=\"+Inf\"} 3\ntook_seconds_sum 9\ntook_seconds_count 3\n";
        for format in [Format::Text, Format::OpenMetrics] {
            let text = written(format, std::slice::from_ref(&took));
            assert!(text.contains(expected), "{text}");
        }
    }
}
