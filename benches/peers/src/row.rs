//! What is measured: a row has set-ups, a load, and figures that come of it.

mod bodies;
mod compression;
mod connections;
mod features;
mod handshakes;
mod latency;
mod memory;
mod reload;
mod requests;
mod syscalls;

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
    /// CPU of a connection with a full handshake and one request
    Handshake,
    /// CPU of a connection that resumes a session, and one request
    Resumed,
    /// CPU for each MiB of bodies of 1 MiB: 8 connections
    Body,
    /// The same over TLS
    BodyTls,
    /// CPU and size of a JSON of 64 KiB in gzip, br and zstd
    Compress,
    /// Memory of an idle TLS connection that had one request, from 1,000 to 10,000 of them
    Memory,
    /// Latency that the proxy adds at 2,000 requests a second over TLS, of which 5 % come by new connections
    Latency,
    /// CPU of limit, access log and metrics, over a proxy without any of them
    Features,
    /// How long a reload of 10,000 routes takes to be in effect, and which requests fail meanwhile
    Reload,
    /// CPU of a request with 10 routes and with 50,000
    Routes,
    /// CPU of a request by one connection alone, and beside 1,000 and 10,000 idle ones
    Connections,
    /// CPU of a request with one worker and with two
    Workers,
    /// System calls of a request by one connection, as strace counts them
    Syscalls,
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
            Self::Handshake => "full handshake",
            Self::Resumed => "resumed handshake",
            Self::Body => "1 MiB plain",
            Self::BodyTls => "1 MiB TLS",
            Self::Compress => "compression",
            Self::Memory => "idle TLS connection",
            Self::Latency => "added latency",
            Self::Features => "features",
            Self::Reload => "reload of 10,000 routes",
            Self::Routes => "growth with routes",
            Self::Connections => "growth with connections",
            Self::Workers => "growth with workers",
            Self::Syscalls => "system calls",
        }
    }

    /// In which set-ups each peer is measured.
    pub(crate) fn setups(self) -> Vec<Setup> {
        let plain = Setup::default;
        match self {
            Self::Compress => compression::setups(),
            Self::Features => features::setups(),
            Self::Reload => vec![Setup {
                routes: 10_000,
                ..plain()
            }],
            Self::Routes => [("10 routes", 10), ("50,000 routes", 50_000)]
                .map(|(name, routes)| Setup {
                    name,
                    routes,
                    ..plain()
                })
                .to_vec(),
            Self::Workers => [("1 worker", 1), ("2 workers", 2)]
                .map(|(name, workers)| Setup {
                    name,
                    workers,
                    ..plain()
                })
                .to_vec(),
            _ => vec![plain()],
        }
    }

    /// How many rounds count, of so many that were asked for.
    pub(crate) fn rounds(self, asked: u32) -> u32 {
        match self {
            // Each takes tens of thousands of handshakes, and they hardly differ.
            Self::Memory => asked.min(3),
            _ => asked,
        }
    }

    /// Whether proxies start anew for each round, as what they have done before would show.
    pub(crate) fn starts_anew(self) -> bool {
        self == Self::Memory
    }

    /// Figures of a round that follow from others of it.
    pub(crate) fn derive(self, round: &[(Kind, Figure)]) -> Vec<(Kind, Figure)> {
        match self {
            Self::Features => features::costs(round),
            _ => Vec::new(),
        }
    }

    /// Whether a peer can do it at all.
    pub(crate) fn suits(self, kind: Kind, setup: &Setup) -> bool {
        match self {
            Self::H1 | Self::Body | Self::Connections | Self::Syscalls => true,
            Self::Compress => kind != Kind::Relay && compression::suits(kind, setup),
            _ => kind != Kind::Relay,
        }
    }

    /// What is looked at before and after.
    pub(crate) fn probes(self, field: &Field, running: &Running) -> Vec<Probe> {
        match self {
            Self::H1 | Self::Connections | Self::Features | Self::Syscalls | Self::Workers => {
                vec![Probe::new(Wire::Plain, origin::SMALL)]
            }
            Self::Tls | Self::Handshake | Self::Resumed | Self::Memory | Self::Latency => {
                vec![Probe::new(Wire::Tls, origin::SMALL)]
            }
            Self::H2 => vec![Probe::new(Wire::H2, origin::SMALL)],
            Self::Body => vec![Probe::new(Wire::Plain, origin::LARGE)],
            Self::BodyTls => vec![Probe::new(Wire::Tls, origin::LARGE)],
            Self::Compress => compression::probes(field, running),
            Self::Reload | Self::Routes => vec![Probe {
                host: running.last_host(),
                ..Probe::new(Wire::Plain, origin::SMALL)
            }],
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
            Self::H1 | Self::Tls | Self::H2 | Self::Features | Self::Routes | Self::Workers => {
                requests::measure(self, field, running, seconds).await
            }
            Self::Handshake | Self::Resumed => {
                handshakes::measure(self, field, running, seconds).await
            }
            Self::Body | Self::BodyTls => bodies::measure(self, field, running, seconds).await,
            Self::Compress => compression::measure(field, running, seconds).await,
            Self::Memory => memory::measure(self, field, running).await,
            Self::Latency => latency::measure(field, running, seconds).await,
            Self::Reload => reload::measure(self, field, running).await,
            Self::Connections => connections::measure(field, running, seconds).await,
            Self::Syscalls => syscalls::measure(self, field, running).await,
        }
    }
}
