//! The certificates of a snapshot, found by server name.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use rustls::{SignatureScheme, sign::CertifiedKey};

use super::{Face, Slot};

/// Slots by exact name and by wildcard. Several for one name are for clients of different abilities.
#[derive(Debug, Default)]
pub struct CertificateStore {
    slots: Vec<Arc<Slot>>,
    exact: HashMap<Box<str>, Vec<Arc<Slot>>>,
    /// `*.example.ch` under `example.ch`; it covers one label (RFC 6125 section 6.4.3).
    wildcard: HashMap<Box<str>, Vec<Arc<Slot>>>,
    /// For names that nobody else covers, and for clients that name nothing.
    default: Option<Arc<Slot>>,
}

/// A certificate chain with its key, ready for handshakes.
pub type Chain = Arc<CertifiedKey>;

impl CertificateStore {
    /// Adds a slot behind those that are there. The first default stays the default.
    pub fn insert(&mut self, slot: Arc<Slot>, is_default: bool) {
        for host in &slot.hosts {
            let (names, name) = match host.strip_prefix("*.") {
                Some(suffix) => (&mut self.wildcard, suffix),
                None => (&mut self.exact, &host[..]),
            };
            names.entry(name.into()).or_default().push(slot.clone());
        }
        if is_default {
            self.default.get_or_insert_with(|| Arc::clone(&slot));
        }
        self.slots.push(slot);
    }

    /// In the order of the configuration, one for each certificate of it.
    pub fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    /// The chain for a client that names this server and can verify these signatures.
    ///
    /// A name that no certificate is for gets the default. A client that names nothing gets the default,
    /// or the first certificate if there is none. `None` ends the handshake.
    pub fn find(&self, server_name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Chain> {
        let name = server_name.map(lower_case);
        let by_name = name
            .as_deref()
            .and_then(|name| Some((name, self.for_name(name)?)));
        let (host, slots) = match (by_name, &name) {
            (Some(found), _) => found,
            (None, Some(_)) => self.siblings(self.default.as_ref()?)?,
            (None, None) => self.siblings(self.default.as_ref().or(self.slots.first())?)?,
        };
        choose(slots, host, schemes)
    }

    /// Whether a connection made for `server_name` may carry requests for `host`: the same
    /// certificate covers both. A request without a host, or on a connection without a name, says nothing
    /// that could be wrong. Both in lower case.
    pub fn covers_both(&self, server_name: &str, host: &str) -> bool {
        if server_name.is_empty() || host.is_empty() || server_name == host {
            return true;
        }
        let of_host = self.covering(host);
        let mut of_connection = self.covering(server_name).iter();
        of_connection.any(|slot| of_host.iter().any(|other| Arc::ptr_eq(slot, other)))
    }

    /// The slots for a name, or those for names that nobody covers.
    fn covering(&self, name: &str) -> &[Arc<Slot>] {
        let stand_in = || Some(self.siblings(self.default.as_ref()?)?.1);
        self.for_name(name).or_else(stand_in).unwrap_or_default()
    }

    /// A slot's first host, and the slots for it: others serve clients that cannot verify this one.
    fn siblings<'a>(&'a self, slot: &'a Slot) -> Option<(&'a str, &'a [Arc<Slot>])> {
        let host = slot.hosts.first()?;
        Some((host, self.for_name(host)?))
    }

    fn for_name(&self, name: &str) -> Option<&[Arc<Slot>]> {
        let found = self.exact.get(name).or_else(|| {
            let (_, suffix) = name.split_once('.')?;
            self.wildcard.get(suffix)
        })?;
        Some(found)
    }
}

/// The first of the slots that suit the client best.
fn choose(slots: &[Arc<Slot>], host: &str, schemes: &[SignatureScheme]) -> Option<Chain> {
    if let [only] = slots {
        return only.chain(host); // rustls tells a client that cannot verify it
    }
    let faces = slots.iter().filter_map(|slot| slot.face(host));
    faces
        .min_by_key(|face| face.fit(schemes))
        .map(Face::into_chain)
}

/// A copy only if it differs.
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, SignatureAlgorithm};

    use super::*;
    use crate::tls::{Shown, Source, temporary};

    const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
    const RSA: &[SignatureScheme] = &[SignatureScheme::RSA_PSS_SHA256];
    const BOTH: &[SignatureScheme] = &[RSA[0], ECDSA[0]];
    const NEITHER: &[SignatureScheme] = &[SignatureScheme::ED25519];

    /// A slot with a certificate of its own.
    fn slot(hosts: &[&str], algorithm: &'static SignatureAlgorithm) -> Arc<Slot> {
        let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let certificate = rcgen::CertificateParams::new(hosts.clone())
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let chain = CertifiedKey::from_der(vec![certificate.der().clone()], key, &provider);
        let slot = Slot::new(hosts, Source::Files);
        slot.show(Shown::new(Arc::new(chain.unwrap())).unwrap());
        Arc::new(slot)
    }

    fn ecdsa(hosts: &[&str]) -> Arc<Slot> {
        slot(hosts, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    fn store(slots: &[&Arc<Slot>], default: Option<&Arc<Slot>>) -> CertificateStore {
        let mut store = CertificateStore::default();
        for &slot in slots {
            let is_default = default.is_some_and(|default| Arc::ptr_eq(default, slot));
            store.insert(Arc::clone(slot), is_default);
        }
        store
    }

    /// Which of the slots a client gets.
    fn found(
        store: &CertificateStore,
        name: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<usize> {
        let chain = store.find(name, schemes)?;
        let is_it = |slot: &Arc<Slot>| Arc::ptr_eq(&slot.shown().unwrap().chain, &chain);
        store.slots().iter().position(is_it)
    }

    #[test]
    fn a_name_is_found_exactly_or_by_one_label_in_any_case() {
        let (one, wild) = (ecdsa(&["a.test", "x.wild.test"]), ecdsa(&["*.wild.test"]));
        let store = store(&[&one, &wild], None);
        for (name, expected) in [
            (Some("a.test"), Some(0)),
            (Some("A.Test"), Some(0)),
            (Some("x.wild.test"), Some(0)),
            (Some("y.wild.test"), Some(1)),
            (Some("Y.WILD.test"), Some(1)),
            (Some("wild.test"), None),
            (Some("x.y.wild.test"), None),
            (Some("b.test"), None),
            (Some(""), None),
            (None, Some(0)),
        ] {
            assert_eq!(found(&store, name, BOTH), expected, "{name:?}");
        }
        assert!(CertificateStore::default().find(None, BOTH).is_none());
    }

    #[test]
    fn the_default_is_for_whoever_has_no_other() {
        let (one, other) = (ecdsa(&["a.test"]), ecdsa(&["b.test"]));
        let store = store(&[&one, &other], Some(&other));
        for (name, expected) in [
            (Some("a.test"), 0),
            (Some("b.test"), 1),
            (Some("c.test"), 1),
            (None, 1),
        ] {
            assert_eq!(found(&store, name, BOTH), Some(expected), "{name:?}");
        }
    }

    #[test]
    fn a_client_gets_what_it_can_verify_and_what_is_cheap() {
        let rsa = slot(&["a.test"], &rcgen::PKCS_RSA_SHA256);
        let ecdsa = ecdsa(&["a.test", "b.test"]);
        let store = store(&[&rsa, &ecdsa], None);
        for name in [Some("a.test"), None] {
            for (schemes, expected) in [(RSA, 0), (ECDSA, 1), (BOTH, 1), (NEITHER, 0)] {
                assert_eq!(found(&store, name, schemes), Some(expected), "{schemes:?}");
            }
        }
        // There is but one, and rustls tells the client.
        assert_eq!(found(&store, Some("b.test"), RSA), Some(1));
    }

    #[test]
    fn a_certificate_of_its_own_comes_before_a_temporary_one() {
        let rsa = slot(&["a.test"], &rcgen::PKCS_RSA_SHA256);
        let awaited = Arc::new(Slot::new(vec!["a.test".into()], Source::Acme("ca".into())));
        let store = store(&[&awaited, &rsa], None);
        assert!(store.find(Some("a.test"), RSA).is_some());
        let makeshift = temporary(&awaited.hosts).unwrap();
        awaited.set_temporary(Some(Arc::clone(&makeshift)));
        let chain = store.find(Some("a.test"), BOTH).unwrap();
        assert!(Arc::ptr_eq(&chain, &rsa.shown().unwrap().chain));
        let chain = store.find(Some("a.test"), ECDSA).unwrap();
        assert!(Arc::ptr_eq(&chain, &makeshift));
    }

    #[test]
    fn a_connection_may_carry_what_its_certificate_covers() {
        let rsa = slot(&["a.test"], &rcgen::PKCS_RSA_SHA256);
        let both = ecdsa(&["a.test", "b.test"]);
        let other = ecdsa(&["*.c.test"]);
        let strict = store(&[&rsa, &both, &other], None);
        let lenient = store(&[&rsa, &both, &other], Some(&other));
        for (name, host, without, with) in [
            ("a.test", "a.test", true, true),
            ("a.test", "b.test", true, true),
            ("b.test", "a.test", true, true),
            ("x.c.test", "y.c.test", true, true),
            ("a.test", "x.c.test", false, false),
            ("a.test", "nobody.test", false, false),
            ("x.c.test", "nobody.test", false, true),
            ("nobody.test", "x.c.test", false, true),
            ("nobody.test", "else.test", false, true),
            ("nobody.test", "a.test", false, false),
            ("", "a.test", true, true),
            ("a.test", "", true, true),
        ] {
            assert_eq!(strict.covers_both(name, host), without, "{name} {host}");
            assert_eq!(lenient.covers_both(name, host), with, "{name} {host}");
        }
    }

    #[test]
    fn a_name_in_lower_case_is_not_copied() {
        assert!(matches!(lower_case("a.test"), Cow::Borrowed("a.test")));
        assert_eq!(lower_case("A.tesT"), "a.test");
    }
}
