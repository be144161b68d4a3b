//! Who may log in by name and password.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use http::HeaderName;

use crate::config::{model::Quota, problem::Located};

/// Names and passwords that browsers ask for themselves (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    /// A file of `name:hash` lines. It is read with each load of the configuration.
    pub users: Located<PathBuf>,
    /// What the login is for, as browsers show it; printable ASCII. Default [`BasicAuth::REALM`].
    pub realm: Box<str>,
    /// Wrong passwords of one client, an IPv6 one by its /64. Beyond them no password is looked at. Default 10 in a minute.
    pub failures: Quota,
    /// By which the server is told who has logged in. Default `X-Forwarded-User`.
    pub pass_user: HeaderName,
    /// Whether the server sees name and password too. Default no.
    pub pass_authorization: bool,
}

impl BasicAuth {
    pub const REALM: &str = "restricted";
    pub const FAILURES: Quota = Quota {
        count: NonZeroU32::MIN.saturating_add(9),
        within: Duration::from_secs(60),
    };
    pub const PASS_USER: HeaderName = HeaderName::from_static("x-forwarded-user");

    /// For these users, and by default in all else.
    pub fn of(users: Located<PathBuf>) -> Self {
        Self {
            users,
            realm: Self::REALM.into(),
            failures: Self::FAILURES,
            pass_user: Self::PASS_USER,
            pass_authorization: false,
        }
    }
}
