//! A redirect of a route: somewhere else, as its target says of each request.

use http::{HeaderValue, StatusCode};

use super::{Answer, Refusal};
use crate::route::{Asked, Target};

#[derive(Debug)]
pub struct Redirect {
    status: StatusCode,
    target: Target,
}

impl Redirect {
    pub fn new(status: StatusCode, target: Target) -> Self {
        Self { status, target }
    }

    /// # Errors
    /// The path does not fit the pattern, which is as if there were no route; or there is no such place.
    pub fn answer(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let to = self.target.of(asked)?.ok_or(Refusal::NoRoute)?;
        // It is one: what is put in is visible ASCII, and so is what it is put into.
        let to = HeaderValue::try_from(on_this_host(to)).ok();
        Ok(Answer::redirect(self.status, to.ok_or(Refusal::Internal)?))
    }
}

/// A place that begins with a slash is a path: browsers take `//evil.test` and `/\evil.test` for hosts.
fn on_this_host(to: String) -> String {
    let is_slash = |c| matches!(c, '/' | '\\');
    match to.strip_prefix(is_slash) {
        Some(rest) if rest.starts_with(is_slash) => {
            format!("/{}", rest.trim_start_matches(is_slash))
        }
        _ => to,
    }
}

#[cfg(test)]
mod tests;
