//! The certificates of a snapshot: slots of the one before where they are the same, and new ones.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::Path, sync::Arc, time::SystemTime};

use super::Snapshot;
use crate::{
    acme,
    config::{
        Config, Located,
        model::{Certificate, CertificateSource},
        problem::Problem,
    },
    state::State,
    tls::{self, Authority, AuthorityError, CertificateStore, Shown, Slot, Source},
};

/// A slot for each certificate, in the order of the configuration, unless there are errors among the problems.
///
/// With it the state directory, if a new certificate needs it.
///
/// What is shown in the slots of `previous` changes only if there are none.
pub(super) fn build(
    config: &Config,
    previous: &Snapshot,
    may_write: bool,
    now: SystemTime,
    problems: &mut Vec<Problem>,
) -> (CertificateStore, Option<State>) {
    let mut builder = Builder {
        config,
        may_write,
        now,
        before: before(previous),
        state: Directory::Unopened,
        authority: None,
        read: Vec::new(),
        problems,
    };
    let mut store = CertificateStore::default();
    for certificate in &config.certificates {
        if let Some(slot) = builder.slot(certificate) {
            store.insert(slot, certificate.is_default);
        }
    }
    let Builder {
        read,
        problems,
        state,
        ..
    } = builder;
    if !problems.iter().any(Problem::is_error) {
        for (slot, shown) in read {
            slot.show(shown);
        }
    }
    let state = match state {
        Directory::Open(state) => Some(state),
        Directory::Unopened | Directory::Unusable => None,
    };
    (store, state)
}

/// What makes a certificate of one configuration the same in the next.
type Identity<'a> = (Vec<&'a str>, Origin<'a>);

#[derive(PartialEq, Eq, Hash)]
enum Origin<'a> {
    Files(&'a Path, &'a Path),
    /// The issuer's name: its place among the others may change.
    Acme(Option<&'a str>),
    SelfSigned,
}

fn identity<'a>(certificate: &'a Certificate, config: &'a Config) -> Identity<'a> {
    let hosts = certificate.hosts.iter().map(|host| &host.value[..]);
    let origin = match &certificate.source {
        CertificateSource::Files { chain, key } => Origin::Files(&chain.value, &key.value),
        CertificateSource::Acme(issuer) => {
            Origin::Acme(config.issuers.get(*issuer).map(|issuer| &*issuer.name))
        }
        CertificateSource::SelfSigned => Origin::SelfSigned,
    };
    (hosts.collect(), origin)
}

fn before(previous: &Snapshot) -> HashMap<Identity<'_>, Arc<Slot>> {
    let certificates = previous.config.certificates.iter();
    certificates
        .map(|certificate| identity(certificate, &previous.config))
        .zip(previous.certificates.slots().iter().cloned())
        .collect()
}

struct Builder<'a> {
    config: &'a Config,
    may_write: bool,
    now: SystemTime,
    /// Slots that were not adopted yet.
    before: HashMap<Identity<'a>, Arc<Slot>>,
    state: Directory,
    authority: Option<Authority>,
    /// What was read from files, to be shown once all is well.
    read: Vec<(Arc<Slot>, Shown)>,
    problems: &'a mut Vec<Problem>,
}

/// The state directory, opened when the first certificate needs it.
enum Directory {
    Unopened,
    Open(State),
    /// It was told why.
    Unusable,
}

impl<'a> Builder<'a> {
    fn slot(&mut self, certificate: &'a Certificate) -> Option<Arc<Slot>> {
        let adopted = self.before.remove(&identity(certificate, self.config));
        match (&certificate.source, adopted) {
            (CertificateSource::Files { chain, key }, adopted) => {
                let slot = adopted.unwrap_or_else(|| slot(certificate, Source::Files));
                match tls::read(chain, key) {
                    Ok(shown) => {
                        let doubts = tls::doubts(&shown, &certificate.hosts, chain, self.now);
                        self.problems.extend(doubts);
                        self.read.push((Arc::clone(&slot), shown));
                    }
                    Err(problem) => self.problems.push(*problem),
                }
                Some(slot)
            }
            (_, Some(adopted)) => Some(adopted),
            (CertificateSource::SelfSigned, None) => self.self_signed(certificate),
            (CertificateSource::Acme(issuer), None) => {
                let name = Arc::clone(&self.config.issuers.get(*issuer)?.name);
                self.acme(certificate, Source::Acme(name))
            }
        }
    }

    fn self_signed(&mut self, certificate: &Certificate) -> Option<Arc<Slot>> {
        let state = self.state(certificate)?;
        let authority = match self.authority.take() {
            Some(authority) => Ok(authority),
            None if self.may_write => Authority::open(&state),
            None => Authority::fleeting(),
        };
        let slot = slot(certificate, Source::SelfSigned);
        let hosts: Vec<&str> = slot.hosts.iter().map(String::as_str).collect();
        let shown = authority.and_then(|authority| {
            let chain = self.authority.insert(authority).sign(&hosts)?;
            Shown::new(chain).map_err(AuthorityError::Hosts)
        });
        match shown {
            Ok(shown) => slot.show(shown),
            Err(error) => self.state_problem(certificate, error.to_string()),
        }
        Some(slot)
    }

    /// Clients are served at once: what is kept from before, and what is temporary for other hosts.
    fn acme(&mut self, certificate: &Certificate, source: Source) -> Option<Arc<Slot>> {
        let state = self.state(certificate)?;
        let slot = slot(certificate, source);
        let kept = acme::kept(&state, &slot.hosts, self.now);
        let is_whole = kept
            .as_ref()
            .is_some_and(|kept| slot.hosts.iter().all(|host| kept.facts.covers(host)));
        if !is_whole {
            match tls::temporary(&slot.hosts) {
                Ok(chain) => slot.set_temporary(Some(chain)),
                Err(error) => self.problem(certificate, Problem::error(error.to_string())),
            }
        }
        if let Some(kept) = kept {
            slot.show(kept);
        }
        Some(slot)
    }

    fn state(&mut self, certificate: &Certificate) -> Option<State> {
        let root = &self.config.state;
        let opened = match &self.state {
            Directory::Open(state) => return Some(state.clone()),
            Directory::Unusable => return None,
            Directory::Unopened if self.may_write => State::open(root),
            Directory::Unopened => Ok(State::look(root)),
        };
        match opened {
            Ok(state) => {
                self.state = Directory::Open(state.clone());
                Some(state)
            }
            Err(error) => {
                let message = format!("cannot use the state directory {}: {error}", root.display());
                self.state_problem(certificate, message);
                self.state = Directory::Unusable;
                None
            }
        }
    }

    fn state_problem(&mut self, certificate: &Certificate, message: String) {
        let hint = "`state:` names the directory that keys and certificates are kept in; the user that runs simplon must be able to write there";
        self.problem(certificate, Problem::error(message).hint(hint));
    }

    fn problem(&mut self, certificate: &Certificate, problem: Problem) {
        self.problems.push(match certificate.hosts.first() {
            Some(host) => problem.at_value(host),
            None => problem,
        });
    }
}

fn slot(certificate: &Certificate, source: Source) -> Arc<Slot> {
    let hosts = certificate.hosts.iter();
    let hosts = hosts.map(|Located { value, .. }| value.clone()).collect();
    Arc::new(Slot::new(hosts, source))
}
