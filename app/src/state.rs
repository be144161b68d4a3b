//! What every request may ask of the process: its name, its phase, its data and its metrics.

use axum::http::HeaderValue;
use tokio::sync::watch;

use crate::data::Writable;
use crate::metrics::Metrics;

/// Where the process is in its life. It only ever moves down this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Starting,
    Serving,
    Draining,
}

/// One server, shared by all its requests.
#[derive(Debug)]
pub struct App {
    served_by: HeaderValue,
    phase: watch::Sender<Phase>,
    data: watch::Receiver<Writable>,
    pub metrics: Metrics,
}

impl App {
    /// A server that is starting, under the name it signs its responses with.
    pub fn new(served_by: HeaderValue, data: watch::Receiver<Writable>, metrics: Metrics) -> Self {
        Self {
            served_by,
            phase: watch::Sender::new(Phase::Starting),
            data,
            metrics,
        }
    }

    pub fn served_by(&self) -> &HeaderValue {
        &self.served_by
    }

    /// Moves on to a later phase; a step back is ignored.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let is_later = phase > *now;
            *now = phase.max(*now);
            is_later
        });
    }

    pub fn is_started(&self) -> bool {
        *self.phase.borrow() > Phase::Starting
    }

    /// Whether new requests are welcome; if not, why.
    pub fn readiness(&self) -> Result<(), String> {
        match *self.phase.borrow() {
            Phase::Starting => Err("the server is starting".to_owned()),
            Phase::Draining => Err("the server is draining".to_owned()),
            Phase::Serving => self.data.borrow().clone(),
        }
    }
}

#[cfg(test)]
impl App {
    /// A server in this phase whose data is in order.
    pub(crate) fn in_phase(phase: Phase) -> std::sync::Arc<Self> {
        let (_, data) = watch::channel(Ok(()));
        let name = HeaderValue::from_static("127.0.0.1:9001");
        let app = Self::new(name, data, Metrics::new().unwrap());
        app.enter(phase);
        std::sync::Arc::new(app)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_the_phase_and_then_the_data() {
        let (data, watched) = watch::channel(Ok(()));
        let app = App::new(
            HeaderValue::from_static("test"),
            watched,
            Metrics::new().unwrap(),
        );
        assert_eq!(app.readiness(), Err("the server is starting".to_owned()));
        assert!(!app.is_started());

        app.enter(Phase::Serving);
        assert_eq!(app.readiness(), Ok(()));
        data.send_modify(|now| *now = Err("the disk is full".to_owned()));
        assert_eq!(app.readiness(), Err("the disk is full".to_owned()));

        app.enter(Phase::Draining);
        app.enter(Phase::Serving);
        assert_eq!(
            app.readiness(),
            Err("the server is draining".to_owned()),
            "there is no way back"
        );
        assert!(app.is_started());
    }
}
