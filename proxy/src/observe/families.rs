//! The metric families and their help, grouped by the label they go by.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{
    Error, Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, core::Collector,
};

/// By route and upstream.
#[derive(Debug)]
pub(super) struct RouteFamilies {
    pub(super) requests: IntCounterVec,
    pub(super) verdicts: IntCounterVec,
}

impl RouteFamilies {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            requests: maker.counters(
                "simplon_requests_total",
                "Finished requests, by route, upstream and class of the status.",
                &["route", "upstream", "class"],
            )?,
            verdicts: maker.counters(
                "simplon_policy_verdicts_total",
                "What policies decided of requests, by route, upstream, policy and verdict; passed is counted of limits alone.",
                &["route", "upstream", "policy", "verdict"],
            )?,
        })
    }
}

/// By upstream.
#[derive(Debug)]
pub(super) struct UpstreamFamilies {
    pub(super) retries: IntCounterVec,
}

impl UpstreamFamilies {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            retries: maker.counters(
                "simplon_retries_total",
                "Requests sent again to another server.",
                &["upstream"],
            )?,
        })
    }
}

/// By listener.
#[derive(Debug)]
pub(super) struct ListenerFamilies {
    pub(super) current: IntGaugeVec,
    pub(super) total: IntCounterVec,
    pub(super) shaking: IntGaugeVec,
    pub(super) refused: IntCounterVec,
    pub(super) handshake_failures: IntCounterVec,
    pub(super) challenges: IntCounterVec,
    pub(super) headers_dropped: IntCounterVec,
}

impl ListenerFamilies {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            current: maker.gauges(
                "simplon_connections",
                "Client connections just now.",
                &["listener"],
            )?,
            total: maker.counters(
                "simplon_connections_total",
                "Client connections let in.",
                &["listener"],
            )?,
            shaking: maker.gauges(
                "simplon_tls_handshakes",
                "TLS handshakes with clients under way just now.",
                &["listener"],
            )?,
            refused: maker.counters(
                "simplon_connections_refused_total",
                "Client connections turned away or cut off, by reason.",
                &["listener", "reason"],
            )?,
            handshake_failures: maker.counters(
                "simplon_tls_handshake_failures_total",
                "TLS handshakes with clients that failed or took too long.",
                &["listener"],
            )?,
            challenges: maker.counters(
                "simplon_tls_challenges_total",
                "TLS handshakes in which a CA was given the answer to a challenge.",
                &["listener"],
            )?,
            headers_dropped: maker.counters(
                "simplon_headers_dropped_total",
                "Headers of requests that no server was shown, by reason.",
                &["listener", "reason"],
            )?,
        })
    }
}

/// Of the configuration.
#[derive(Debug)]
pub(super) struct ConfigFamilies {
    last_success: IntGauge,
    last_timestamp: Gauge,
    generation: IntGauge,
    succeeded: IntCounter,
    failed: IntCounter,
}

impl ConfigFamilies {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        let reloads = maker.counters(
            "simplon_config_reloads_total",
            "Attempts to load the configuration, by result.",
            &["result"],
        )?;
        Ok(Self {
            last_success: maker.keep(IntGauge::new(
                "simplon_config_last_reload_success",
                "Whether the last attempt to load the configuration succeeded.",
            ))?,
            last_timestamp: maker.keep(Gauge::new(
                "simplon_config_last_reload_timestamp_seconds",
                "When the configuration was last loaded, with or without success; Unix time.",
            ))?,
            generation: maker.keep(IntGauge::new(
                "simplon_config_generation",
                "Number of the configuration in use, counted from the start of the process.",
            ))?,
            succeeded: reloads.with_label_values(&["success"]),
            failed: reloads.with_label_values(&["failure"]),
        })
    }

    pub(super) fn succeeded(&self, generation: u64, at: SystemTime) {
        self.succeeded.inc();
        self.last_success.set(1);
        self.last_timestamp.set(unix_seconds(at));
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    pub(super) fn failed(&self, at: SystemTime) {
        self.failed.inc();
        self.last_success.set(0);
        self.last_timestamp.set(unix_seconds(at));
    }
}

/// Of the process's memory.
#[derive(Debug)]
pub(super) struct MemoryGauges {
    limit: IntGauge,
    short: IntGauge,
}

impl MemoryGauges {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            limit: maker.keep(IntGauge::new(
                "simplon_memory_limit_bytes",
                "Resident memory beyond which new connections are closed; 0 without a limit.",
            ))?,
            short: maker.keep(IntGauge::new(
                "simplon_memory_short",
                "Whether new connections are closed for want of memory.",
            ))?,
        })
    }

    /// None without a limit.
    pub(super) fn limit(&self) -> Option<u64> {
        u64::try_from(self.limit.get())
            .ok()
            .filter(|limit| *limit > 0)
    }

    pub(super) fn set(&self, limit: Option<u64>, is_short: bool) {
        let limit = i64::try_from(limit.unwrap_or(0)).unwrap_or(i64::MAX);
        self.limit.set(limit);
        self.short.set(i64::from(is_short));
    }
}

/// Makes families and enters them in the registry.
pub(super) struct Maker<'a>(pub(super) &'a Registry);

impl Maker<'_> {
    /// What is known at the start and stays.
    pub(super) fn constants(&self, started: SystemTime) -> Result<(), Error> {
        let build = self.gauges(
            "simplon_build_info",
            "Always 1; the label tells the version.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let start = self.keep(Gauge::new(
            "simplon_process_start_time_seconds",
            "When the process started; Unix time.",
        ))?;
        start.set(unix_seconds(started));
        // The same under the name that dashboards of every program use.
        let start = self.keep(Gauge::new(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
        ))?;
        start.set(unix_seconds(started));
        Ok(())
    }

    pub(super) fn refusals(&self) -> Result<IntCounterVec, Error> {
        self.counters(
            "simplon_refusals_total",
            "Requests the proxy answered for itself, by reason.",
            &["reason"],
        )
    }

    pub(super) fn password_checks(&self) -> Result<IntCounterVec, Error> {
        self.counters(
            "simplon_password_checks_total",
            "Names and passwords of basic_auth, by what became of them.",
            &["result"],
        )
    }

    pub(super) fn access_log_dropped(&self) -> Result<IntCounter, Error> {
        self.counter(
            "simplon_access_log_dropped_total",
            "Access log lines lost because the log was too slow or could not be written.",
        )
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.keep(IntCounter::new(name, help))
    }

    pub(super) fn access_log_sampled_out(&self) -> Result<IntCounter, Error> {
        self.keep(IntCounter::new(
            "simplon_access_log_sampled_out_total",
            "Requests without an access log line because only a share of them has one.",
        ))
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, Error> {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, Error> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep(HistogramVec::new(options, labels))
    }

    fn keep<M: Collector + Clone + 'static>(&self, made: Result<M, Error>) -> Result<M, Error> {
        let metric = made?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

/// Seconds since 1970; zero before.
fn unix_seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
