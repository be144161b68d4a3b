//! One finished exchange as its span tells it.

use std::{
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

use super::trace::{Milestone, Trace};
use crate::{
    admit::{SpanId, TraceParent},
    observe::{PolicyLabel, Protocol, Record},
};

// Bytes of what a client chose.
const METHOD: usize = 32;
const HOST: usize = 256;
const PATH: usize = 1024;
const USER_AGENT: usize = 256;
const REQUEST_ID: usize = 128;
const STATE: usize = 512;

/// Owned, as it waits for its export; a few hundred bytes, 4 KiB at most. What must never be logged is not here either.
#[derive(Debug)]
pub struct Span {
    pub own: TraceParent,
    pub parent: Option<SpanId>,
    pub state: Box<str>,
    pub started: SystemTime,
    pub ended: SystemTime,
    pub client: IpAddr,
    pub protocol: Protocol,
    pub scheme: &'static str,
    pub method: Box<str>,
    pub host: Box<str>,
    pub port: Option<u16>,
    pub path: Box<str>,
    pub user_agent: Box<str>,
    pub request_id: Box<str>,
    pub status: u16,
    pub listener: Box<str>,
    pub route: Box<str>,
    pub upstream: Box<str>,
    pub server: Box<str>,
    pub retries: u32,
    pub refusal: Option<&'static str>,
    pub policy: Option<PolicyLabel>,
    pub events: Vec<(SystemTime, Milestone)>,
}

/// What a span tells of the request that the access log does not.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub scheme: &'static str,
    pub port: Option<u16>,
    /// The lines of its `tracestate`.
    pub state: &'a [&'a [u8]],
    /// When it began, by the clock of the events.
    pub begun: Instant,
}

impl Span {
    pub fn of(record: &Record<'_>, trace: &Trace, asked: &Asked<'_>) -> Self {
        let started = record.at.checked_sub(record.timers.total);
        let started = started.unwrap_or(record.at);
        let (own, parent) = (*trace.own(), trace.parent());
        let state = if trace.passes_state() {
            kept(&asked.state.join(&b','), STATE)
        } else {
            Box::default()
        };
        let at = |at: Instant| {
            let since: Duration = at.saturating_duration_since(asked.begun);
            started.checked_add(since).unwrap_or(started)
        };
        Self {
            own,
            parent,
            state,
            started,
            ended: record.at,
            client: record.client,
            protocol: record.protocol,
            scheme: asked.scheme,
            method: kept(record.method.as_bytes(), METHOD),
            host: kept(record.host.as_bytes(), HOST),
            port: asked.port,
            path: kept(record.path.as_bytes(), PATH),
            user_agent: kept(record.user_agent, USER_AGENT),
            request_id: kept(record.request_id.as_bytes(), REQUEST_ID),
            status: record.status,
            listener: record.listener.into(),
            route: record.route.into(),
            upstream: record.upstream.into(),
            server: record.server.into(),
            retries: record.retries,
            refusal: record.refusal,
            policy: record.policy,
            events: trace
                .events()
                .iter()
                .map(|(noted, event)| (at(*noted), event.clone()))
                .collect(),
        }
    }
}

/// The beginning of what may be any bytes, as text.
fn kept(bytes: &[u8], longest: usize) -> Box<str> {
    match str::from_utf8(bytes) {
        Ok(text) if text.len() <= longest => text.into(),
        Ok(text) => {
            let mut ends = (0..=longest).rev();
            let end = ends.find(|end| text.is_char_boundary(*end));
            text.get(..end.unwrap_or(0)).unwrap_or_default().into()
        }
        Err(_) => {
            let bytes = bytes.get(..longest.min(bytes.len())).unwrap_or_default();
            String::from_utf8_lossy(bytes).into()
        }
    }
}
