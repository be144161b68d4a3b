//! The front door: binds, accepts, seats, reads PROXY headers, shakes hands, and hands each connection on as a [`Stream`].
//!
//! Ours rather than Pingora's, because an edge needs what its listener keeps closed: caps, deadlines
//! from the first byte, TLS settings, and listeners that come and go while the process runs.

mod accept;
mod alarm;
mod connection;
mod deadline;
mod descriptor;
mod gate;
mod handshake;
mod io;
mod listeners;
mod pace;
mod pressure;
mod proxy_header;
mod seat;
mod secure;
mod socket;
mod stream;
mod transport;
mod workers;

pub use alarm::Alarm;
pub use connection::{Carried, Connection, Departure, TlsFacts};
pub use deadline::Deadline;
pub use descriptor::second_handle;
pub use gate::Gate;
pub use listeners::{Listeners, Prepared};
pub use pace::Pace;
pub use pressure::{Look, Pressure};
pub use seat::{Room, Seat, Seats};
pub use socket::{listen, why};
pub use stream::{Frames, HeadRead, Stream, WholeHead};
pub use workers::{BESIDE, PerWorker, Workers};

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::{
    admit::{Flood, Offence},
    config::model,
    observe::ListenerMeters,
    respond::Refusal,
    tls::Terms,
};

/// Why a connection may be turned away or cut off, as labels of a metric.
pub const REASONS: [&str; 28] = [
    "full",
    "client",
    "memory",
    "not_from_proxy",
    "proxy_header",
    "proxy_header_timeout",
    "handshakes",
    "client_handshakes",
    "handshake_timeout",
    "unknown_host",
    "not_tls",
    "write_timeout",
    "accept_error",
    "relief",
    "silent",
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
    /// Handshakes under way.
    pub handshakes: Arc<Seats>,
    /// Of the process.
    pub pressure: Arc<Pressure>,
    pub meters: Arc<ListenerMeters>,
    pub tls: Option<Terms>,
    orders: Arc<watch::Sender<Orders>>,
}

/// What the connections of a listener are asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    /// Once it has retired: how long what its connections carry may take.
    patience: Option<Duration>,
    /// How many times those without a request were asked to make room.
    relief: u64,
}

impl Listener {
    pub fn new(
        settings: model::Listener,
        meters: Arc<ListenerMeters>,
        tls: Option<Terms>,
        pressure: Arc<Pressure>,
    ) -> Self {
        Self {
            settings,
            seats: Arc::default(),
            handshakes: Arc::default(),
            pressure,
            meters,
            tls,
            orders: Arc::default(),
        }
    }

    /// In the place of `before`, which differs in how it shakes hands alone, and not in what it asks of
    /// clients: the seats are the same, and the connections of the one retire with the other.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self {
            seats: Arc::clone(&before.seats),
            handshakes: Arc::clone(&before.handshakes),
            orders: Arc::clone(&before.orders),
            ..self
        }
    }

    /// Something of the process ran out; see [`Pressure::ran_out`].
    pub fn ran_out(&self) -> bool {
        self.pressure.ran_out()
    }

    fn is_heir_of(&self, before: &Self) -> bool {
        Arc::ptr_eq(&self.orders, &before.orders)
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
        self.orders
            .send_modify(|orders| orders.patience = Some(patience));
    }

    /// Asks some of the connections that carry no request to end, for the sake of new ones; whoever is asked
    /// again and again will have asked them all.
    pub fn relieve(&self) {
        self.orders.send_modify(|orders| orders.relief += 1);
    }

    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Whoever takes over a connection once it is seated and its handshake is done.
pub trait Host: Send + Sync + 'static {
    /// Serves the connection to its end.
    fn serve(&self, stream: Box<Stream>) -> BoxFuture<'_, ()>;

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
