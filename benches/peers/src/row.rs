//! What is measured: a row has set-ups, a load, and figures that come of it.

mod requests;

use clap::ValueEnum;
use serde::Serialize;

use crate::{
    field::Field,
    origin,
    outcome::Outcome,
    peer::{Kind, Running},
    setup::Setup,
    verify::{Probe, Wire},
};

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Row {
    /// CPU of a request by HTTP/1.1: 64 connections, 82 bytes
    H1,
    /// The same over TLS
    Tls,
    /// CPU of a request by HTTP/2 over TLS: 16 connections of 32 streams, 82 bytes
    H2,
}

/// One figure of one turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// The line of the table that it belongs to.
    pub line: String,
    pub unit: &'static str,
    pub value: f64,
    /// How much of its cores the proxy used, of 1; none where that means nothing.
    pub busy: Option<f64>,
    /// Whether less is better, and so who is ahead.
    pub is_compared: bool,
}

impl Row {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::H1 => "H1 plain",
            Self::Tls => "H1 TLS",
            Self::H2 => "H2 TLS",
        }
    }

    /// In which set-ups each peer is measured.
    pub(crate) fn setups(self) -> Vec<Setup> {
        match self {
            Self::H1 | Self::Tls | Self::H2 => vec![Setup::default()],
        }
    }

    /// How many rounds count, of so many that were asked for.
    pub(crate) fn rounds(self, asked: u32) -> u32 {
        asked
    }

    /// Whether proxies start anew for each round, as what they have done before would show.
    pub(crate) fn starts_anew(self) -> bool {
        false
    }

    /// Figures of a round that follow from others of it.
    pub(crate) fn derive(self, _round: &[(Kind, Figure)]) -> Vec<(Kind, Figure)> {
        Vec::new()
    }

    /// Whether a peer can do it at all.
    pub(crate) fn suits(self, kind: Kind, _setup: &Setup) -> bool {
        match self {
            Self::H1 => true,
            Self::Tls | Self::H2 => kind != Kind::Relay,
        }
    }

    /// What is looked at before and after.
    pub(crate) fn probes(self, _field: &Field, _running: &Running) -> Vec<Probe> {
        match self {
            Self::H1 => vec![Probe::new(Wire::Plain, origin::SMALL)],
            Self::Tls => vec![Probe::new(Wire::Tls, origin::SMALL)],
            Self::H2 => vec![Probe::new(Wire::H2, origin::SMALL)],
        }
    }

    /// One turn of one proxy.
    pub(crate) async fn measure(
        self,
        field: &Field,
        running: &Running,
        seconds: f64,
    ) -> Outcome<Vec<Figure>> {
        match self {
            Self::H1 | Self::Tls | Self::H2 => {
                requests::measure(self, field, running, seconds).await
            }
        }
    }
}
