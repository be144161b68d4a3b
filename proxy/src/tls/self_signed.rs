//! Self-signed certificates are signed anew in time; a process may live longer than they do.

use std::{path::Path, time::SystemTime};

use super::{Authority, AuthorityError, Shown, Slot, Source, written};
use crate::{snapshot::Snapshot, state::State};

/// Signs those anew of which two thirds of the life are over.
pub(super) fn renew(snapshot: &Snapshot, now: SystemTime) {
    let slots = snapshot.certificates.slots().iter();
    for slot in slots.filter(|slot| slot.source == Source::SelfSigned) {
        if !is_due(slot, now) {
            continue;
        }
        match sign(&snapshot.config.state, &slot.hosts) {
            Ok(shown) => {
                let until = written(shown.facts.not_after);
                tracing::info!(
                    hosts = slot.hosts.join(" "),
                    "signed anew, valid until {until}"
                );
                slot.show(shown);
            }
            Err(error) => tracing::warn!(hosts = slot.hosts.join(" "), "not signed anew: {error}"),
        }
    }
}

fn is_due(slot: &Slot, now: SystemTime) -> bool {
    slot.shown()
        .is_some_and(|shown| now > shown.facts.not_before + shown.facts.lifetime() * 2 / 3)
}

fn sign(state: &Path, hosts: &[String]) -> Result<Shown, AuthorityError> {
    let state = State::open(state).map_err(|error| AuthorityError::Unusable(error.to_string()))?;
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let chain = Authority::open(&state)?.sign(&hosts)?;
    Shown::new(chain).map_err(AuthorityError::Hosts)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    #[test]
    fn what_has_lived_two_thirds_of_its_life_is_signed_anew() {
        let home = tempfile::tempdir().unwrap();
        let hosts = vec!["localhost".to_owned()];
        let slot = Arc::new(Slot::new(hosts.clone(), Source::SelfSigned));
        slot.show(sign(home.path(), &hosts).unwrap());
        let mut snapshot = Snapshot::empty();
        snapshot.config.state = home.path().to_owned();
        snapshot.certificates.insert(Arc::clone(&slot), false);
        let serial = || slot.shown().unwrap().facts.serial.clone();
        let (first, now) = (serial(), SystemTime::now());
        renew(&snapshot, now);
        assert_eq!(serial(), first, "it is young");
        renew(&snapshot, now + Duration::from_secs(61 * 24 * 3600));
        assert_ne!(serial(), first);
    }
}
