//! What `/metrics` answers: families of samples, in either of the two formats that scrapers read.
//!
//! A sample looks the same in both, so that no series has another name for another scraper; what introduces a family differs.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{Display, Write},
};

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::{Quantiles, format::Format};

/// One scrape, as it grows.
#[derive(Debug)]
pub struct Exposition {
    format: Format,
    families: Vec<Family>,
}

/// A family with its samples, as text.
#[derive(Debug)]
pub struct Family {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
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
            families: Vec::new(),
        }
    }

    /// Adds a family, which must be there only once; nothing for one without samples.
    pub fn add(&mut self, family: Family) {
        if !family.samples.is_empty() {
            self.families.push(family);
        }
    }

    pub fn finish(self) -> String {
        let Self { format, families } = self;
        // Beside each other they can be told apart by their suffix alone, which OpenMetrics takes off.
        let taken: BTreeSet<&str> = families
            .iter()
            .filter(|family| family.kind != Kind::Counter)
            .map(|family| &*family.name)
            .collect();
        let size = |family: &Family| family.samples.len() + family.help.len() + 100;
        let mut text = String::with_capacity(families.iter().map(size).sum());
        for family in &families {
            match format {
                Format::Text => {
                    introduce(&mut text, &family.name, &family.help, family.kind.as_str());
                }
                Format::OpenMetrics => introduce_open(&mut text, family, &taken),
            }
            text.push_str(&family.samples);
        }
        if format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

// Writing to memory cannot fail.
fn introduce(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}");
    let _ = writeln!(text, "# TYPE {name} {kind}");
}

/// A counter is called without its suffix; one whose name without it is another family's is said to be unknown, so that its
/// series keeps its name.
fn introduce_open(text: &mut String, family: &Family, taken: &BTreeSet<&str>) {
    let bare = match family.kind {
        Kind::Counter => family.name.strip_suffix("_total"),
        Kind::Gauge | Kind::Histogram | Kind::Summary => Some(&*family.name),
    };
    let is_counter = family.kind == Kind::Counter;
    let (name, kind) = match bare {
        Some(bare) if !(is_counter && taken.contains(bare)) => (bare, family.kind.as_str()),
        _ => (&*family.name, "unknown"),
    };
    introduce(text, name, &family.help.replace('"', "\\\""), kind);
    if let Some(unit) = unit(name) {
        let _ = writeln!(text, "# UNIT {name} {unit}");
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

    /// The name ends in `_total`, unless it is one of others.
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
            name: Cow::Borrowed(name),
            help: Cow::Borrowed(help),
            kind,
            samples: String::new(),
        }
    }

    /// As the registry has it.
    pub(super) fn gathered(gathered: &MetricFamily) -> Self {
        let mut family = Self {
            name: Cow::Owned(gathered.name().to_owned()),
            help: Cow::Owned(gathered.help().to_owned()),
            kind: match gathered.get_field_type() {
                MetricType::COUNTER => Kind::Counter,
                MetricType::HISTOGRAM => Kind::Histogram,
                MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
            },
            samples: String::new(),
        };
        for metric in gathered.get_metric() {
            let pairs = metric.get_label().iter();
            let labels = pairs.fold(Labels::default(), |labels, pair| {
                labels.and(pair.name(), pair.value())
            });
            family.sample_gathered(&labels, metric);
        }
        family
    }

    fn sample_gathered(&mut self, labels: &Labels, metric: &Metric) {
        match self.kind {
            Kind::Counter => self.sample(labels, metric.get_counter().get_value()),
            Kind::Gauge | Kind::Summary => self.sample(labels, metric.get_gauge().get_value()),
            Kind::Histogram => {
                let histogram = metric.get_histogram();
                let buckets = histogram.get_bucket().iter();
                let within = buckets.map(|it| (it.upper_bound(), it.cumulative_count()));
                let within: Vec<_> = within.collect();
                let (total, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
                self.distribution(labels, &within, total, sum);
            }
        }
    }

    pub fn sample(&mut self, labels: &Labels, value: impl Display) {
        let _ = writeln!(self.samples, "{}{labels} {value}", self.name);
    }

    /// One series of a histogram: how many took up to each bound, how many there were, and the sum of all, in seconds.
    pub(super) fn distribution(
        &mut self,
        labels: &Labels,
        within: &[(f64, u64)],
        total: u64,
        sum: f64,
    ) {
        let (name, samples) = (&self.name, &mut self.samples);
        for (bound, count) in within.iter().filter(|(bound, _)| bound.is_finite()) {
            let labels = labels.and("le", &float(*bound));
            let _ = writeln!(samples, "{name}_bucket{labels} {count}");
        }
        let _ = writeln!(samples, "{name}_bucket{} {total}", labels.and("le", "+Inf"));
        let _ = writeln!(samples, "{name}_sum{labels} {sum}");
        let _ = writeln!(samples, "{name}_count{labels} {total}");
    }

    /// The percentiles of a summary, in seconds.
    pub(super) fn quantiles(&mut self, labels: &Labels, quantiles: Quantiles) {
        let Quantiles { p50, p95, p99 } = quantiles;
        for (quantile, millis) in [("0.5", p50), ("0.95", p95), ("0.99", p99)] {
            self.sample(&labels.and("quantile", quantile), millis / 1000.0);
        }
    }
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

    fn written(format: Format, families: impl IntoIterator<Item = Family>) -> String {
        let mut page = Exposition::new(format);
        families.into_iter().for_each(|family| page.add(family));
        page.finish()
    }

    #[test]
    fn a_counter_beside_a_gauge_of_its_name_keeps_its_series() {
        let families = || {
            let mut total = Family::counter("things_total", "So far.");
            total.sample(&Labels::default(), 7);
            let mut now = Family::gauge("things", "Just now.");
            now.sample(&Labels::default(), 1);
            [total, now]
        };
        let expected = "# HELP things_total So far.\n# TYPE things_total unknown\nthings_total 7\n\
                        # HELP things Just now.\n# TYPE things gauge\nthings 1\n# EOF\n";
        assert_eq!(written(Format::OpenMetrics, families()), expected);
        let text = written(Format::Text, families());
        assert!(text.contains("# TYPE things_total counter\n"), "{text}");
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
        assert_eq!(written(Format::Text, families), expected);
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
        assert_eq!(written(Format::OpenMetrics, [bytes, took]), expected);
    }

    #[test]
    fn bounds_are_floats_in_both_formats() {
        let family = || {
            let mut took = Family::histogram("took_seconds", "Time.");
            let within = [(0.005, 1), (1.0, 2), (f64::INFINITY, 3)];
            took.distribution(&Labels::default(), &within, 3, 9.0);
            took
        };
        let expected = "took_seconds_bucket{le=\"0.005\"} 1\ntook_seconds_bucket{le=\"1.0\"} 2\n\
                        took_seconds_bucket{le=\"+Inf\"} 3\ntook_seconds_sum 9\ntook_seconds_count 3\n";
        for format in [Format::Text, Format::OpenMetrics] {
            let text = written(format, [family()]);
            assert!(text.contains(expected), "{text}");
        }
    }
}
