//! The front door: binds, accepts, seats, reads PROXY headers, shakes hands, and hands each connection on as a [`Stream`].
//!
//! Ours rather than Pingora's, because an edge needs what its listener keeps closed: caps, deadlines
//! from the first byte, TLS settings, and listeners that come and go while the process runs.

mod accept;
mod connection;
mod deadline;
mod descriptor;
mod gate;
mod handshake;
mod io;
mod listeners;
mod proxy_header;
mod seat;
mod socket;
mod stream;
mod transport;

pub use connection::{Carried, Connection, Departure, TlsFacts};
pub use deadline::Deadline;
pub use descriptor::second_handle;
pub use gate::Gate;
pub use listeners::{Listeners, Prepared};
pub use seat::{Seat, Seats};
pub use socket::{listen, why};
pub use stream::{Frames, HeadRead, Stream};

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    admit::{Flood, Offence},
    config::model,
    observe::ListenerMeters,
    respond::Refusal,
    tls::Terms,
};

/// Why a connection may be turned away or cut off, as labels of a metric.
pub const REASONS: [&str; 23] = [
    "full",
    "client",
    "not_from_proxy",
    "proxy_header",
    "proxy_header_timeout",
    "handshake_timeout",
    "unknown_host",
    "not_tls",
    "write_timeout",
    "accept_error",
    "no_preface",
    "window_timeout",
    Offence::BREACH,
    Flood::RapidReset.label(),
    Flood::MadeYouReset.label(),
    Flood::Continuation.label(),
    Flood::HeaderBlockTimeout.label(),
    Flood::Ping.label(),
    Flood::Settings.label(),
    Flood::Priority.label(),
    Flood::WindowDribble.label(),
    Flood::EmptyFrames.label(),
    Flood::UnknownFrames.label(),
];

/// A listener of one generation: its settings, the seats taken on it, and its meters.
pub struct Listener {
    pub settings: model::Listener,
    pub seats: Arc<Seats>,
    pub meters: Arc<ListenerMeters>,
    pub tls: Option<Terms>,
    /// Once it has retired: how long what its connections carry may take.
    retired: Arc<watch::Sender<Option<Duration>>>,
}

impl Listener {
    pub fn new(settings: model::Listener, meters: Arc<ListenerMeters>, tls: Option<Terms>) -> Self {
        Self {
            settings,
            seats: Arc::default(),
            meters,
            tls,
            retired: Arc::new(watch::Sender::new(None)),
        }
    }

    /// In the place of `before`, which differs in how it shakes hands alone, and not in what it asks of
    /// clients: the seats are the same, and the connections of the one retire with the other.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self {
            seats: Arc::clone(&before.seats),
            retired: Arc::clone(&before.retired),
            ..self
        }
    }

    fn is_heir_of(&self, before: &Self) -> bool {
        Arc::ptr_eq(&self.retired, &before.retired)
    }

    /// Whether it lets in the same clients as under these terms.
    pub fn has_policy_of(&self, terms: Option<&Terms>) -> bool {
        match (&self.tls, terms) {
            (Some(ours), Some(theirs)) => ours.has_policy_of(theirs),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether another in its place could have its connections: the settings differ in TLS alone, and who
    /// was let in here would be let in there.
    pub fn can_leave_to(&self, other: &Self) -> bool {
        self.settings.is_same_but_for_tls(&other.settings)
            && matches!((&self.tls, &other.tls), (Some(ours), Some(theirs)) if ours.knows_clients_of(theirs))
    }

    /// Asks every connection to end as soon as what it carries is done, and within `patience`.
    fn retire(&self, patience: Duration) {
        self.retired.send_replace(Some(patience));
    }

    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Whoever takes over a connection once it is seated and its handshake is done.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// Serves the connection to its end.
    async fn serve(&self, stream: Stream);

    /// A connection is turned away before any request was read.
    fn turned_away(&self, listener: &Listener, refusal: Refusal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flood_has_a_counter() {
        for flood in Flood::ALL {
            assert!(REASONS.contains(&flood.label()), "{flood}");
        }
    }
}
