//! The facts of one finished exchange, as metrics and the access log see them.
//!
//! Borrowed throughout: made at the end of an exchange, gone with the call. What must never be logged
//! (query string, cookies, credentials) has no field, so no format can leak it.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use super::{PolicyLabel, blame::Blame};
use crate::config::model::Country;

/// One finished exchange. An empty string means that there is none.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When the exchange ended.
    pub at: SystemTime,
    /// Who asked, after trusted forwarding headers.
    pub client: IpAddr,
    /// Where the client's address is used, as far as the database knows.
    pub country: Option<Country>,
    pub listener: &'a str,
    /// Nothing if its head was refused before a lane saw it.
    pub lane: Option<Lane>,
    pub protocol: Protocol,
    pub method: &'a str,
    pub host: &'a str,
    /// As received, without the query: query strings hold tokens and passwords.
    pub path: &'a str,
    /// Of the final response to the client; 499 if the client left first.
    pub status: u16,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// The label of the route that matched.
    pub route: &'a str,
    pub upstream: &'a str,
    /// The server that was tried last.
    pub server: &'a str,
    /// Further servers tried after the first.
    pub retries: u32,
    /// The label of the refusal, where the proxy answered for itself.
    pub refusal: Option<&'static str>,
    pub refusal_detail: Option<&'static str>,
    /// Who is at fault, if it did not end as the client wished.
    pub blame: Option<Blame>,
    /// The policy that answered or refused.
    pub policy: Option<PolicyLabel>,
    /// Policies that would have refused, but only observe.
    pub observed: &'a [PolicyLabel],
    /// Who the client has shown to be.
    pub user: &'a str,
    /// The content coding that we sent the response in.
    pub coding: &'a str,
    /// Bytes of the response before and after it.
    pub compressed: Option<(u64, u64)>,
    pub tls: Option<Tls<'a>>,
    pub request_id: &'a str,
    /// The trace that the request belongs to, where traces are sent.
    pub trace_id: &'a str,
    pub user_agent: &'a [u8],
    pub referer: &'a [u8],
    pub timers: Timers,
    /// The connection became a tunnel (WebSocket); `total` is the tunnel's life.
    pub upgraded: bool,
}

impl Record<'_> {
    /// One of which no more is known.
    pub const fn of(at: SystemTime, client: IpAddr) -> Self {
        Self {
            at,
            client,
            country: None,
            listener: "",
            lane: None,
            protocol: Protocol::Http11,
            method: "",
            host: "",
            path: "",
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            route: "",
            upstream: "",
            server: "",
            retries: 0,
            refusal: None,
            refusal_detail: None,
            blame: None,
            policy: None,
            observed: &[],
            user: "",
            coding: "",
            compressed: None,
            tls: None,
            request_id: "",
            trace_id: "",
            user_agent: b"",
            referer: b"",
            timers: Timers {
                queue: None,
                connect: None,
                first_byte: None,
                total: Duration::ZERO,
            },
            upgraded: false,
        }
    }
}

/// By which way through the house it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Ours, for what is common.
    Express,
    /// Pingora's, for everything.
    Full,
}

impl Lane {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Full => "full",
        }
    }
}

/// What the client spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http10,
    Http11,
    Http2,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// What the client's handshake settled.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    pub version: &'a str,
    pub cipher: &'a str,
    pub sni: &'a str,
    /// The session was resumed from a ticket.
    pub resumed: bool,
    /// The subject of the client's certificate.
    pub client: &'a str,
}

/// Where the time went, by `HAProxy`'s stages (its Tw, Tc, Tr, Ta); `None` for a stage that was not
/// reached, which `HAProxy` writes as -1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timers {
    /// Waiting for a free place on a server.
    pub queue: Option<Duration>,
    /// Connecting to the server; zero on a reused connection.
    pub connect: Option<Duration>,
    /// From the request sent to the first byte of the response.
    pub first_byte: Option<Duration>,
    /// From the first byte of the request to the last of the response.
    pub total: Duration,
}
