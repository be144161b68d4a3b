//! Traces: one span for each exchange, for a collector that takes OTLP by HTTP.
//!
//! An exchange has its [`Trace`] from the moment it is admitted. What it leaves is a [`Span`], which waits in a bounded queue; the
//! `exporter` sends what has gathered. A request never waits for it, and what there is no room for is counted.

mod collector;
mod complaints;
mod exporter;
mod meters;
mod otlp;
mod span;
mod trace;
mod tries;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

use self::{
    collector::Collector,
    exporter::{BATCH, Exporter},
};
pub use self::{
    meters::TraceMeters,
    span::{Asked, Span},
    trace::{Milestone, Sampling, Trace},
};
use crate::{
    admit::{TraceId, TraceParent},
    config::model,
    tls::ClientTls,
};

/// Where the spans of one configuration go. Nothing is sent before [`Self::start`]; what waits when the last snapshot with it has
/// gone is sent all the same.
#[derive(Debug)]
pub struct Tracer {
    settings: model::Tracing,
    tls: Option<Arc<ClientTls>>,
    sampling: Sampling,
    queue: mpsc::Sender<Span>,
    /// Told when a batch has gathered.
    gathered: Arc<Notify>,
    /// Told, or dropped, when there is no time any more.
    ending: watch::Sender<bool>,
    exporter: Mutex<Stage>,
    meters: TraceMeters,
}

#[derive(Debug)]
enum Stage {
    Waiting(Box<Exporter>),
    Running(JoinHandle<()>),
    Over,
}

impl Tracer {
    /// The tracer of `settings`, or `previous` if nothing about it is new. `tls` is there with `https`.
    pub fn build(
        settings: &model::Tracing,
        tls: Option<Arc<ClientTls>>,
        meters: TraceMeters,
        previous: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, rustls::Error> {
        let has_tls = |tls: &Option<Arc<ClientTls>>| tls.as_ref().map(Arc::as_ptr);
        let is_same =
            |it: &&Arc<Self>| it.settings == *settings && has_tls(&it.tls) == has_tls(&tls);
        if let Some(same) = previous.filter(is_same) {
            return Ok(Arc::clone(same));
        }
        let (queue, waiting) = mpsc::channel(settings.queue.max(1)); // of 0 it would panic
        let (ending, over) = watch::channel(false);
        let gathered = Arc::new(Notify::new());
        let exporter = Exporter::new(
            Collector::new(settings, tls.as_deref())?,
            waiting,
            Arc::clone(&gathered),
            over,
            meters.clone(),
        );
        Ok(Arc::new(Self {
            sampling: Sampling {
                follow: settings.follow,
                share: settings.sample,
            },
            settings: settings.clone(),
            tls,
            queue,
            gathered,
            ending,
            exporter: Mutex::new(Stage::Waiting(Box::new(exporter))),
            meters,
        }))
    }

    pub fn tls(&self) -> Option<&Arc<ClientTls>> {
        self.tls.as_ref()
    }

    /// Where a request stands that says this of its trace; `state` is whether its `tracestate` may be passed on.
    pub fn begin(
        &self,
        said: Option<TraceParent>,
        is_trusted: bool,
        state: impl FnOnce() -> bool,
    ) -> Trace {
        Trace::begin(
            self.sampling,
            said,
            is_trusted,
            state,
            &mut fastrand::Rng::new(),
        )
    }

    /// Has a span sent, unless too many wait already.
    pub fn send(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.meters.dropped_in_queue(1);
        }
        if self.queue.max_capacity() - self.queue.capacity() >= BATCH.min(self.queue.max_capacity())
        {
            self.gathered.notify_one();
        }
    }

    /// Begins to send, unless that is done already.
    pub fn start(&self) {
        let mut stage = self.exporter.lock();
        *stage = match std::mem::replace(&mut *stage, Stage::Over) {
            Stage::Waiting(exporter) => Stage::Running(tokio::spawn(exporter.run())),
            begun => begun,
        };
    }

    /// Sends what waits, each batch in one try, and takes nothing any more.
    pub async fn end(&self) {
        self.ending.send_replace(true);
        let stage = std::mem::replace(&mut *self.exporter.lock(), Stage::Over);
        if let Stage::Running(task) = stage
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The identifier as the log shows it; empty without one.
pub fn shown(trace: Option<&Trace>) -> &str {
    trace.map_or("", |trace| TraceId::as_str(&trace.own().trace))
}
