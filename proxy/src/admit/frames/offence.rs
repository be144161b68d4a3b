//! Why a connection of HTTP/2 is ended by us: too much of what is allowed, or what is not.

use std::fmt;

use super::{Breach, Flood};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    Flood(Flood),
    Breach(Breach),
}

impl Offence {
    /// Of whatever breaks the protocol, whether it is found by us or by the lane.
    pub const BREACH: &str = "h2_error";

    /// The name in metrics and in the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Flood(flood) => flood.label(),
            Self::Breach(_) => Self::BREACH,
        }
    }

    /// The error code (RFC 9113 section 7).
    pub const fn code(self) -> u32 {
        match self {
            Self::Flood(flood) => flood.code(),
            Self::Breach(breach) => breach.code(),
        }
    }
}

impl From<Flood> for Offence {
    fn from(flood: Flood) -> Self {
        Self::Flood(flood)
    }
}

impl From<Breach> for Offence {
    fn from(breach: Breach) -> Self {
        Self::Breach(breach)
    }
}

impl std::error::Error for Offence {}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flood(flood) => flood.fmt(f),
            Self::Breach(breach) => breach.fmt(f),
        }
    }
}
