//! What is asked for at a scrape instead of copied whenever it changes, so that no request pays for a gauge.
//!
//! What left the configuration leaves no series behind; what is more than `metrics.max_series` is shown together.

mod column;
mod listeners;
mod servers;
mod upstreams;

use super::{
    Certificates, Exposition, LimiterView, Metrics, UpstreamView, certificates, durations,
    limiters, panics, process, shelf::OVERFLOW,
};

/// What others know and show at a scrape.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub upstreams: &'a [UpstreamView],
    /// Listeners by name, and how many connections each lets in.
    pub listeners: &'a [(&'a str, u64)],
    pub certificates: &'a dyn Certificates,
    pub limiters: &'a [LimiterView],
}

/// Appends every family that is not in the registry. Says how many things there were beyond `most` of their kind.
pub(super) fn write(
    metrics: &Metrics,
    most: usize,
    scene: Scene<'_>,
    page: &mut Exposition,
) -> usize {
    let room = Room { most };
    durations::write(metrics, page);
    process::write(page);
    panics::write(page);
    [
        listeners::write(metrics, scene.listeners, room, page),
        upstreams::write(scene.upstreams, room, page),
        servers::write(scene.upstreams, room, page),
        certificates::write(scene.certificates, room, page),
        limiters::write(scene.limiters, room, page),
    ]
    .into_iter()
    .sum()
}

/// How many of a kind are shown one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) most: usize,
}

impl Room {
    /// Whether the one of this name, before which there were so many, is shown by itself. One that is called as the rest is
    /// belongs to it.
    pub(super) fn has(self, before: usize, name: &str) -> bool {
        before < self.most && name != OVERFLOW
    }
}
