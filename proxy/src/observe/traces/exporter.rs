//! The task that sends spans: in batches, one request at a time, again if that may help, and not for ever.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{
        Notify,
        mpsc::{self, error::TryRecvError},
        watch,
    },
    time::{Instant, sleep},
};

use super::{
    Span, TraceMeters,
    collector::{Collector, Failure},
    complaints::Complaints,
    otlp::Taken,
    tries::Tries,
};

/// Spans of one request at most.
pub(super) const BATCH: usize = 512;
/// How long a span waits for others.
const EVERY: Duration = Duration::from_secs(1);
/// Letters of what a collector says that the log shows.
const SHOWN: usize = 200;

#[derive(Debug)]
pub(super) struct Exporter {
    collector: Arc<Collector>,
    queue: mpsc::Receiver<Span>,
    gathered: Arc<Notify>,
    ending: watch::Receiver<bool>,
    meters: TraceMeters,
    complaints: Complaints,
}

impl Exporter {
    pub(super) fn new(
        collector: Collector,
        queue: mpsc::Receiver<Span>,
        gathered: Arc<Notify>,
        ending: watch::Receiver<bool>,
        meters: TraceMeters,
    ) -> Self {
        Self {
            collector: Arc::new(collector),
            queue,
            gathered,
            ending,
            meters,
            complaints: Complaints::default(),
        }
    }

    /// Sends until nothing can come any more and nothing is left.
    pub(super) async fn run(mut self: Box<Self>) {
        loop {
            tokio::select! {
                () = self.gathered.notified() => {}
                () = sleep(EVERY) => {}
                () = over(&mut self.ending) => self.queue.close(),
            }
            let is_over = loop {
                let (batch, more) = self.next();
                if !batch.is_empty() {
                    self.send(batch).await;
                }
                match more {
                    Ok(()) => {}
                    Err(TryRecvError::Empty) => break false,
                    Err(TryRecvError::Disconnected) => break true,
                }
            };
            if is_over {
                return;
            }
        }
    }

    /// A batch of what waits, and whether there may be more.
    fn next(&mut self) -> (Vec<Span>, Result<(), TryRecvError>) {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            match self.queue.try_recv() {
                Ok(span) => batch.push(span),
                Err(why) => return (batch, Err(why)),
            }
        }
        (batch, Ok(()))
    }

    /// Sends one batch, or drops it when it has been tried often enough.
    async fn send(&mut self, batch: Vec<Span>) {
        let spans = batch.len() as u64;
        let collector = Arc::clone(&self.collector);
        // Some milliseconds, which belong to requests.
        let encoded = tokio::task::spawn_blocking(move || collector.encode(&batch)).await;
        let Ok(Ok(body)) = encoded else {
            return self.meters.dropped(spans);
        };
        let mut tries = Tries::default();
        loop {
            let failure = match self.collector.post(body.clone()).await {
                Ok(taken) => return self.taken(spans, &taken),
                Err(failure) => failure,
            };
            self.meters.failed();
            self.complain(&failure);
            let is_last = is_over(&self.ending);
            match tries.after(&failure, fastrand::f64()) {
                Some(wait) if !is_last => tokio::select! {
                    () = sleep(wait) => {}
                    () = over(&mut self.ending) => {}
                },
                _ => return self.meters.dropped(spans),
            }
        }
    }

    fn taken(&mut self, spans: u64, taken: &Taken) {
        self.meters.taken(spans, taken.rejected);
        let uri = self.collector.uri();
        if taken.rejected > 0 {
            if self.complaints.may_complain(Instant::now()) {
                let said: String = taken.message.chars().take(SHOWN).collect();
                let rejected = taken.rejected;
                tracing::warn!(%uri, rejected, ?said, "the collector of traces rejects spans");
            }
        } else if self.complaints.is_over() {
            tracing::info!(%uri, "the collector of traces takes spans again");
        }
    }

    fn complain(&mut self, failure: &Failure) {
        if self.complaints.may_complain(Instant::now()) {
            let (uri, reason) = (self.collector.uri(), &failure.reason);
            tracing::warn!(%uri, %reason, "the collector of traces takes no spans; those that find no room are dropped");
        }
    }
}

/// Returns once there is no time any more: the process ends, or another configuration is in force.
async fn over(ending: &mut watch::Receiver<bool>) {
    ending.wait_for(|ending| *ending).await.ok();
}

fn is_over(ending: &watch::Receiver<bool>) -> bool {
    *ending.borrow() || ending.has_changed().is_err()
}

#[cfg(test)]
mod tests;
