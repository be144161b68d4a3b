//! The certificates in the state directory: one file each, chain and key together, so that no moment
//! exists at which one is there without the other.

use std::{io, time::SystemTime};

use aws_lc_rs::digest;

use crate::{
    state::State,
    tls::{self, Facts, Shown},
};

/// The directory of the CA, above the key; text before the first block is ignored by PEM readers.
const DIRECTORY: &str = "directory: ";

/// A certificate as it was obtained.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) shown: Shown,
    /// The CA that issued it, by the URL of its directory.
    pub(super) directory: String,
}

/// What became of a certificate that was to be kept.
#[derive(Debug)]
pub(super) enum Stored {
    Written,
    /// Another process or node was quicker: what is there is newer.
    Newer(Kept),
}

/// The name by which the certificate for these hosts is known in the state directory.
///
/// The first host, so that a certificate keeps its place, and its key, when hosts are added.
pub(super) fn name(hosts: &[String]) -> String {
    hosts
        .first()
        .map_or("unnamed", String::as_str)
        .replace('*', "_")
}

/// What stands for a set of hosts where it is counted; the order of the hosts does not matter.
pub(super) fn set(hosts: &[String]) -> String {
    let mut sorted: Vec<&str> = hosts.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let digest = digest::digest(&digest::SHA256, sorted.join("\n").as_bytes());
    hex(digest.as_ref().get(..8).unwrap_or_default())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

/// Where the certificate for these hosts lies.
pub(super) fn file(hosts: &[String]) -> String {
    format!("certificates/{}.pem", name(hosts))
}

/// What is kept and can be shown for some of these hosts now.
pub fn kept_for(state: &State, hosts: &[String], now: SystemTime) -> Option<Shown> {
    let shown = kept(state, hosts)?.shown;
    let is_of_use = hosts.iter().any(|host| shown.facts.covers(host));
    (is_of_use && lives(&shown.facts, now)).then_some(shown)
}

/// What is kept for these hosts, whatever it covers and however old it is. A file that cannot be read is
/// reported and counts as missing: it is replaced by the next renewal.
pub(super) fn kept(state: &State, hosts: &[String]) -> Option<Kept> {
    let file = file(hosts);
    let read = state.read(&file).and_then(|content| {
        let parsed = content.map(|content| parse(&content));
        parsed.transpose().map_err(io::Error::other)
    });
    match read {
        Ok(kept) => kept,
        Err(error) => {
            let file = state.path(&file);
            tracing::warn!("{} cannot be used: {error}", file.display());
            None
        }
    }
}

/// Keeps what was just obtained, unless something newer for these hosts is there already.
pub(super) fn store(
    state: &State,
    hosts: &[String],
    key: &str,
    chain: &str,
    ours: &Kept,
) -> io::Result<Stored> {
    if let Some(there) = kept(state, hosts)
        && is_newer(&there, ours, hosts)
    {
        return Ok(Stored::Newer(there));
    }
    let content = format!(
        "{}\n{DIRECTORY}{}\n{}\n{}\n",
        hosts.join(", "),
        ours.directory,
        key.trim_end(),
        chain.trim_end()
    );
    state.write(&file(hosts), content.as_bytes())?;
    Ok(Stored::Written)
}

/// Newer is what was issued later; only what covers the hosts counts.
fn is_newer(there: &Kept, ours: &Kept, hosts: &[String]) -> bool {
    let (there, ours) = (&there.shown.facts, &ours.shown.facts);
    there.not_before > ours.not_before && hosts.iter().all(|host| there.covers(host))
}

/// Makes a certificate of what the CA gave us, if key and chain belong together.
pub(super) fn assemble(key: &str, chain: &str, directory: &str) -> Result<Kept, String> {
    parse(format!("{DIRECTORY}{directory}\n{key}\n{chain}").as_bytes())
}

fn parse(content: &[u8]) -> Result<Kept, String> {
    let shown = tls::parse(content, content).map_err(|flaw| format!("it {}", flaw.says))?;
    let text = String::from_utf8_lossy(content);
    let directory = text.lines().find_map(|line| line.strip_prefix(DIRECTORY));
    Ok(Kept {
        shown,
        directory: directory.unwrap_or_default().to_owned(),
    })
}

/// Whether a certificate may be shown at all: it is not over yet. One that is not valid yet is shown; the
/// clock is likelier to be wrong than the CA.
pub(super) fn lives(facts: &Facts, now: SystemTime) -> bool {
    now <= facts.not_after
}
