//! How often requests may come, and how many may be under way.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use http::HeaderName;

use super::Mode;
use crate::limits::Bucket;

/// Limits as a route or `defaults` says them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitList<T> {
    /// Whether `defaults` says them: then they are the same limits for all routes that take them.
    pub of_defaults: bool,
    /// In the order in which they are asked; never empty.
    pub limits: Vec<T>,
}

/// How often requests may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// In the fields that clients are sent, and of what tells it from other limits; unique within its list. Default `default`,
    /// or in a list its place, from `1`.
    pub name: Arc<str>,
    /// What passes; the default of its burst is the count of its rate.
    pub bucket: Bucket,
    /// Default the client.
    pub by: By,
    pub mode: Mode,
    /// How long a request waits rather than being refused, at most; 0 s to 30 s, default 0 s.
    pub delay: Duration,
    /// Keys that are known at a time; default [`MOST_KEYS`].
    pub max_keys: usize,
}

/// How many requests may be under way at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxInFlight {
    /// As of [`RateLimit`].
    pub name: Arc<str>,
    pub max: NonZeroU32,
    /// Default the client.
    pub by: By,
    pub mode: Mode,
    /// Keys that are known at a time; default [`MOST_KEYS`].
    pub max_keys: usize,
}

pub const MOST_KEYS: usize = 1_000_000;

/// What requests are counted by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum By {
    /// An IPv4 address or the /64 of an IPv6 one, after trusted forwarding headers.
    #[default]
    Client,
    /// The value of a header that is there once and is not empty; else the client.
    Header(HeaderName),
    /// The value of a cookie that is there once and is not empty; else the client.
    Cookie(Box<str>),
    /// Each route as a whole.
    Route,
}
