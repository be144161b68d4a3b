//! Certificates in the state directory, from an earlier life of the process or from another node.

use std::time::SystemTime;

use crate::{
    state::State,
    tls::{self, Shown},
};

/// What is kept for these hosts, unless it has expired or is for none of them.
pub fn kept(state: &State, hosts: &[String], now: SystemTime) -> Option<Shown> {
    let first = hosts.first()?.replace('*', "_");
    let name = format!("certificates/{first}.pem");
    let text = match state.read(&name) {
        Ok(text) => text?,
        Err(error) => {
            tracing::warn!("cannot read {}: {error}", state.path(&name).display());
            return None;
        }
    };
    match tls::parse(&text, &text) {
        Ok(shown) => {
            let is_of_use = hosts.iter().any(|host| shown.facts.covers(host));
            (is_of_use && now <= shown.facts.not_after).then_some(shown)
        }
        Err(flaw) => {
            let file = state.path(&name);
            tracing::warn!("{} cannot be used: it {}", file.display(), flaw.says);
            None
        }
    }
}
