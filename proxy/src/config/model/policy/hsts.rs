//! What browsers are told of coming by TLS alone.

use std::time::Duration;

/// What browsers are told of coming by TLS alone (RFC 6797 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// How long they keep to it, in whole seconds; zero takes the promise back. Default [`Hsts::YEAR`].
    pub max_age: Duration,
    /// Whether it is for every host below this one too.
    pub include_subdomains: bool,
    /// Whether browsers may ship with it (hstspreload.org). Then it includes subdomains and holds a year or longer.
    pub preload: bool,
}

impl Hsts {
    pub const YEAR: Duration = Duration::from_secs(365 * 86_400);
}

impl Default for Hsts {
    fn default() -> Self {
        Self {
            max_age: Self::YEAR,
            include_subdomains: false,
            preload: false,
        }
    }
}
