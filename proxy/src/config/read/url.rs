//! URLs of programs that we ask, and what is wrong with them.

use super::address;
use crate::config::{
    decode::Fields,
    model::Address,
    problem::{Located, Problem, quoted},
};

/// What is wrong with a URL, to follow the URL itself, and what to write in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: &'static str,
    pub(super) hint: String,
    /// Whether the line it stands on is nothing to show.
    pub(super) is_secret: bool,
}

pub(super) fn wrong(message: &'static str, hint: impl Into<String>) -> Wrong {
    Wrong {
        message,
        hint: hint.into(),
        is_secret: false,
    }
}

impl Wrong {
    /// Tells what is wrong with what is `written`; `shown` of it is nothing secret.
    pub(super) fn tell(self, fields: &Fields<'_>, written: &Located<&str>, shown: &str) {
        let message = format!("{} {}", quoted(shown), self.message);
        let problem = Problem::error(message).hint(self.hint).at_value(written);
        fields.problems.push(if self.is_secret {
            problem.secret()
        } else {
            problem
        });
    }
}

/// Takes the scheme off. A URL without one is told what it would be with the `usual` one, if `is_sound` then.
pub(super) fn split<'a>(
    written: &'a str,
    usual: &str,
    is_sound: impl FnOnce(&str) -> bool,
    example: &str,
) -> Result<(&'a str, &'a str), Wrong> {
    written.split_once("://").ok_or_else(|| {
        let meant = format!("{usual}://{}", written.trim_start_matches('/'));
        let better = if is_sound(&meant) { &meant } else { example };
        wrong("is not a URL", format!("write {better}"))
    })
}

/// The address that an authority names, at the usual port if it says none.
pub(super) fn place(authority: &str, usual: u16) -> Result<Address, Wrong> {
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    let with_port = if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:{usual}")
    };
    address::server(&with_port).map_err(|(message, hint)| wrong(message, hint))
}
