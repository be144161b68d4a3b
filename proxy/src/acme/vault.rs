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
pub fn file(hosts: &[String]) -> String {
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

/// Keeps what was just obtained, unless something newer for these hosts is there already: valid at `now`, and
/// from one of these CAs.
pub(super) fn store(
    state: &State,
    hosts: &[String],
    (key, chain): (&str, &str),
    ours: &Kept,
    directories: &[String],
    now: SystemTime,
) -> io::Result<Stored> {
    if let Some(there) = kept(state, hosts)
        && directories.contains(&there.directory)
        && there.shown.facts.is_valid_at(now)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Key and chain of a certificate that was issued so many days ago, for 90.
    fn issued(host: &str, days: i32) -> (String, String) {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let ago = time::Duration::days(days.into());
        let begin = time::OffsetDateTime::now_utc() - ago;
        params.not_before = begin;
        params.not_after = begin + time::Duration::days(90);
        let certificate = params.self_signed(&pair).unwrap();
        (pair.serialize_pem(), certificate.pem())
    }

    const CA: &str = "https://ca.example/directory";

    fn put(state: &State, hosts: &[String], days: i32) -> (Stored, Kept) {
        put_by(CA, state, hosts, days)
    }

    fn put_by(ca: &str, state: &State, hosts: &[String], days: i32) -> (Stored, Kept) {
        let (key, chain) = issued(&hosts[0], days);
        let ours = assemble(&key, &chain, ca).unwrap();
        let (now, allowed) = (SystemTime::now(), [ca.to_owned()]);
        let stored = store(state, hosts, (&key, &chain), &ours, &allowed, now).unwrap();
        (stored, ours)
    }

    fn state() -> (tempfile::TempDir, State) {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        (home, state)
    }

    #[test]
    fn what_was_kept_is_found_again_with_its_ca() {
        let (_home, state) = state();
        let hosts = ["example.ch".to_owned()];
        let (_, ours) = put(&state, &hosts, 1);
        let found = kept(&state, &hosts).unwrap();
        assert_eq!(found.shown.facts, ours.shown.facts);
        assert_eq!(found.directory, CA);
    }

    #[test]
    fn an_older_certificate_does_not_replace_a_newer_one() {
        let (_home, state) = state();
        let hosts = ["example.ch".to_owned()];
        let (_, newer) = put(&state, &hosts, 1);
        let (stored, _) = put(&state, &hosts, 20);
        assert!(matches!(stored, Stored::Newer(_)), "{stored:?}");
        let found = kept(&state, &hosts).unwrap();
        assert_eq!(found.shown.facts, newer.shown.facts);
        let (stored, newest) = put(&state, &hosts, 0);
        assert!(matches!(stored, Stored::Written), "{stored:?}");
        assert_eq!(
            kept(&state, &hosts).unwrap().shown.facts,
            newest.shown.facts
        );
    }

    #[test]
    fn what_is_not_valid_or_comes_from_another_ca_is_replaced_however_new_it_is() {
        let (_home, state) = state();
        let hosts = ["example.ch".to_owned()];
        put(&state, &hosts, -400);
        let (stored, _) = put(&state, &hosts, 1);
        assert!(matches!(stored, Stored::Written), "{stored:?}");
        let (stored, _) = put_by("https://other.example/", &state, &hosts, 2);
        assert!(matches!(stored, Stored::Written), "{stored:?}");
    }

    #[test]
    fn a_newer_certificate_for_other_hosts_gives_way() {
        let (_home, state) = state();
        let one = ["example.ch".to_owned()];
        let both = ["example.ch".to_owned(), "www.example.ch".to_owned()];
        put(&state, &one, 1);
        let (stored, _) = put(&state, &both, 2);
        assert!(matches!(stored, Stored::Written), "{stored:?}");
    }

    #[test]
    fn what_is_damaged_or_over_counts_as_missing() {
        let (_home, state) = state();
        let hosts = ["*.example.ch".to_owned()];
        assert_eq!(file(&hosts), "certificates/_.example.ch.pem");
        state
            .write(&file(&hosts), b"-----BEGIN CERTIFICATE-----\nMII")
            .unwrap();
        assert!(kept(&state, &hosts).is_none());
        put(&state, &hosts, 89);
        assert!(kept_for(&state, &hosts, SystemTime::now()).is_some());
        assert!(kept_for(&state, &hosts, SystemTime::now() + DAY * 2).is_none());
        let other = ["*.example.ch".to_owned(), "example.com".to_owned()];
        assert!(
            kept_for(&state, &other, SystemTime::now()).is_some(),
            "some of them"
        );
    }

    #[test]
    fn a_set_of_hosts_has_one_name_whatever_its_order() {
        let hosts = |names: [&str; 2]| names.map(str::to_owned);
        assert_eq!(set(&hosts(["a", "b"])), set(&hosts(["b", "a"])));
        assert_ne!(set(&hosts(["a", "b"])), set(&hosts(["a", "c"])));
    }
}
