//! What lives on over a reload, and what is told.

use std::{fs, path::PathBuf, time::Instant};

use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::{
    config::model::{Issuer, IssuerLimits},
    observe::Metrics,
    snapshot::{Built, World},
};

struct Place {
    home: tempfile::TempDir,
    world: World,
}

impl Place {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            world: World {
                metrics: Metrics::new(&[], &[], SystemTime::now()).unwrap(),
                resolver: Arc::new(tls::Resolver(Arc::default())),
                tickets: Arc::default(),
                key_log: Arc::new(rustls::NoKeyLog),
                orders: Arc::default(),
                limits: Arc::default(),
                engines: Arc::default(),
                pressure: Arc::default(),
                may_write: true,
            },
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes `name.pem` and `name.key`, self-signed.
    fn write(&self, name: &str, hosts: &[&str]) {
        let (certificate, key) = pair(hosts);
        fs::write(self.path(&format!("{name}.pem")), certificate).unwrap();
        fs::write(self.path(&format!("{name}.key")), key).unwrap();
    }

    fn files(&self, name: &str) -> CertificateSource {
        CertificateSource::Files {
            chain: Located::nowhere(self.path(&format!("{name}.pem"))),
            key: Located::nowhere(self.path(&format!("{name}.key"))),
        }
    }

    fn config(&self, certificates: Vec<Certificate>) -> Config {
        Config {
            certificates,
            state: self.path("state"),
            issuers: ["one", "two"].map(issuer).into(),
            ..Config::default()
        }
    }

    fn build(&self, config: Config, previous: &Snapshot) -> Result<Built, Vec<Problem>> {
        Snapshot::build(config, previous, &self.world, Instant::now())
    }

    fn built(&self, certificates: Vec<Certificate>, previous: &Snapshot) -> Snapshot {
        let built = self.build(self.config(certificates), previous);
        built
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .snapshot
    }
}

fn pair(hosts: &[&str]) -> (String, String) {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(hosts).unwrap().self_signed(&key);
    (certificate.unwrap().pem(), key.serialize_pem())
}

fn issuer(name: &str) -> Issuer {
    Issuer {
        name: name.into(),
        directory: "https://ca.test/".to_owned(),
        contact: Vec::new(),
        challenges: Vec::new(),
        external_account: None,
        profile: None,
        root: None,
        fallback: None,
        limits: IssuerLimits::default(),
    }
}

fn certificate(hosts: &[&str], source: CertificateSource) -> Certificate {
    let hosts = hosts.iter().map(|&host| Located::nowhere(host.to_owned()));
    Certificate {
        hosts: hosts.collect(),
        source,
        is_default: false,
    }
}

fn acme(host: &str, issuer: usize) -> Certificate {
    certificate(&[host], CertificateSource::Acme(issuer))
}

#[test]
fn a_slot_lives_on_while_hosts_and_source_are_the_same() {
    let place = Place::new();
    place.write("a", &["a.test"]);
    place.write("b", &["a.test"]);
    let files = |name, host: &str| certificate(&[host], place.files(name));
    let signed = |host: &str| certificate(&[host], CertificateSource::SelfSigned);
    let before = vec![
        files("a", "a.test"),
        signed("b.test"),
        acme("c.test", 0),
        acme("d.test", 0),
    ];
    let first = place.built(before, &Snapshot::empty());
    // In another order, with others between them.
    let after = vec![
        acme("c.test", 0),
        acme("d.test", 1),
        signed("b.test"),
        signed("e.test"),
        files("b", "a.test"),
        files("a", "a.test"),
    ];
    let next = place.built(after, &first);
    let from: Vec<_> = next
        .certificates
        .slots()
        .iter()
        .map(|slot| {
            let mut slots = first.certificates.slots().iter();
            slots.position(|before| Arc::ptr_eq(before, slot))
        })
        .collect();
    assert_eq!(from, [Some(2), None, Some(1), None, None, Some(0)]);
}

#[test]
fn a_reload_reads_files_at_once_but_shows_them_only_if_all_is_well() {
    let place = Place::new();
    place.write("a", &["a.test"]);
    let certificates = || vec![certificate(&["a.test"], place.files("a"))];
    let first = place.built(certificates(), &Snapshot::empty());
    let slot = &first.certificates.slots()[0];
    let before = slot.shown().unwrap().facts.serial.clone();
    place.write("a", &["a.test"]);
    let mut broken = certificates();
    broken.push(certificate(&["b.test"], place.files("missing")));
    let problems = place.build(place.config(broken), &first).err().unwrap();
    assert_eq!(problems.iter().filter(|it| it.is_error()).count(), 1);
    assert_eq!(slot.shown().unwrap().facts.serial, before);
    place.built(certificates(), &first);
    assert_ne!(slot.shown().unwrap().facts.serial, before);
}

#[test]
fn a_host_whose_certificate_is_on_its_way_gets_a_temporary_one() {
    let place = Place::new();
    let hosts = ["a.test", "*.b.test"];
    let both = || vec![certificate(&hosts, CertificateSource::Acme(0))];
    let first = place.built(both(), &Snapshot::empty());
    let slot = &first.certificates.slots()[0];
    assert_eq!(slot.source, Source::Acme("one".into()));
    for host in hosts {
        assert!(matches!(slot.face(host), Some(tls::Face::Temporary(_))));
    }
    // What is kept for one of them is shown for that one.
    let (pem, key) = pair(&["a.test"]);
    let state = State::open(&place.path("state")).unwrap();
    let text = format!("{key}{pem}");
    state
        .write("certificates/a.test.pem", text.as_bytes())
        .unwrap();
    let again = place.built(both(), &Snapshot::empty());
    let slot = &again.certificates.slots()[0];
    assert!(matches!(slot.face("a.test"), Some(tls::Face::Own(_))));
    assert!(matches!(
        slot.face("*.b.test"),
        Some(tls::Face::Temporary(_))
    ));
}

/// What is told of a chain and a key with these texts; without a text there is no file.
fn flaw(chain: Option<&str>, key: Option<&str>) -> String {
    let place = Place::new();
    for (name, text) in [("x.pem", chain), ("x.key", key)] {
        if let Some(text) = text {
            fs::write(place.path(name), text).unwrap();
        }
    }
    let config = place.config(vec![certificate(&["a.test"], place.files("x"))]);
    let problems = place.build(config, &Snapshot::empty()).err().unwrap();
    assert_eq!(problems.len(), 1);
    let home = format!("{}/", place.home.path().display());
    problems[0].message.replace(&home, "")
}

#[test]
fn what_is_wrong_with_a_chain_is_told_with_its_file() {
    let (pem, key) = pair(&["a.test"]);
    let odd = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (chain, expected) in [
        (
            None,
            "cannot read the chain x.pem: No such file or directory (os error 2)",
        ),
        (Some(""), "x.pem holds no certificate"),
        (Some(&key[..]), "x.pem holds no certificate"),
        (
            Some(&pem[..200]),
            "x.pem is not a PEM file: a block BEGIN CERTIFICATE has no end",
        ),
        (
            Some(&format!("{pem}{odd}")),
            "x.pem holds something else as certificate 2: not an X.509 certificate: ",
        ),
        (
            Some(&"x".repeat((1 << 20) + 1)),
            "cannot read the chain x.pem: it is longer than 1 MiB",
        ),
    ] {
        let told = flaw(chain, Some(&key));
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn what_is_wrong_with_a_key_is_told_with_its_file() {
    let (pem, key) = pair(&["a.test"]);
    let (other, _) = pair(&["a.test"]);
    let odd = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let shuffled = format!("{other}{pem}");
    for (chain, key, expected) in [
        (
            &pem,
            None,
            "cannot read the key x.key: No such file or directory (os error 2)",
        ),
        (&pem, Some("hello"), "x.key holds no private key"),
        (&pem, Some(odd), "x.key holds a key that cannot be used: "),
        (&other, Some(&key), "x.key and x.pem do not belong together"),
        (
            &shuffled,
            Some(&key),
            "x.key and x.pem do not belong together: certificate 2 is the one of this key, and it is not the first",
        ),
    ] {
        let told = flaw(Some(chain), key);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_chain_and_its_key_may_stand_in_one_file() {
    let place = Place::new();
    let (pem, key) = pair(&["a.test"]);
    fs::write(place.path("a.pem"), format!("{key}{pem}")).unwrap();
    let both = || Located::nowhere(place.path("a.pem"));
    let source = CertificateSource::Files {
        chain: both(),
        key: both(),
    };
    let snapshot = place.built(vec![certificate(&["a.test"], source)], &Snapshot::empty());
    assert!(snapshot.certificates.slots()[0].shown().is_some());
}

#[test]
fn a_state_directory_that_cannot_be_used_is_told_once() {
    let place = Place::new();
    fs::write(place.path("state"), "a file").unwrap();
    let config = || {
        place.config(vec![
            certificate(&["a.test"], CertificateSource::SelfSigned),
            acme("b.test", 0),
        ])
    };
    let problems = place.build(config(), &Snapshot::empty()).err().unwrap();
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert!(
        problem
            .message
            .starts_with("cannot use the state directory ")
    );
    // `simplon check` changes nothing there.
    let world = World {
        may_write: false,
        ..place.world.clone()
    };
    assert!(Snapshot::build(config(), &Snapshot::empty(), &world, Instant::now()).is_ok());
}
