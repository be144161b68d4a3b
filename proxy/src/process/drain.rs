//! The end of the process: readiness goes red, listeners close, what is in flight finishes.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::Edge;

/// How often the remaining connections are counted.
const LOOK: Duration = Duration::from_millis(10);

/// How long the last spans may take to be sent.
const LAST_SPANS: Duration = Duration::from_secs(2);

impl Edge {
    /// Drains, and returns as soon as the last connection has ended or the time is over.
    pub(super) async fn drain(&self) {
        let drain = self.snapshot.load().config.drain.clone();
        self.draining.store(true, Ordering::Release);
        if !drain.delay.is_zero() {
            tracing::info!("not ready any more; listeners close in {:?}", drain.delay);
            tokio::time::sleep(drain.delay).await;
        }
        // What takes longer than the drain may is cut off by the end of the process.
        self.listeners.lock().close(Duration::MAX);
        tracing::info!(connections = self.connections(), "draining");
        let deadline = Instant::now() + drain.timeout;
        while self.connections() > 0 {
            if Instant::now() >= deadline {
                tracing::warn!(
                    connections = self.connections(),
                    "the drain timeout is over; the rest is cut off"
                );
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        tracing::info!("drained");
    }

    /// Sends what spans there are, unless the collector takes its time.
    pub(super) async fn end_traces(&self) {
        let Some(tracer) = self.snapshot.load().tracer.clone() else {
            return;
        };
        if tokio::time::timeout(LAST_SPANS, tracer.end())
            .await
            .is_err()
        {
            tracing::warn!("the last spans could not be sent in time");
        }
    }

    /// Client connections of all listeners, those of earlier generations too.
    pub(super) fn connections(&self) -> u64 {
        self.observer.metrics.connections()
    }
}
