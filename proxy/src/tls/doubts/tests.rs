//! Each doubt, as an operator reads it.

use std::{path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    PKCS_RSA_SHA256,
};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::*;

/// Self-signed by RSA with 1024 bits, which no library of ours makes any more.
const WEAK: &str = "\
-----BEGIN CERTIFICATE-----
MIICDzCCAXigAwIBAgIUJGy4fsA2J3AwShWZnivsrXL5T4kwDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEV2VhazAgFw0yNjExMjExMDQ3NDdaGA8yMTI2MTAyODEw
NDc0N1owDzENMAsGA1UEAwwEV2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
gYEAvx1J4AAij+dn30R5jpI/xBhnjVF7t2BOExgWLeEPxKXkyitPUz3eCmluPLfI
3ZppDA7JHsYzl+bzB0wG9hcaf7w7rMXf7rTbkcMA2svF7HvndG4pTWqPSJlSEPlm
qtbe1AvW8nkHcrxOOZelleGVd1ohnMjLSLpBvmXEj1VSGA0CAwEAAaNmMGQwHQYD
VR0OBBYEFM7hReE12z4+1NA70X2+96UwbuY0MB8GA1UdIwQYMBaAFM7hReE12z4+
1NA70X2+96UwbuY0MA8GA1UdEwEB/wQFMAMBAf8wEQYDVR0RBAowCIIGYS50ZXN0
MA0GCSqGSIb3DQEBCwUAA4GBADTnW0tPL42cH6XODtAFZkBbi25TBdXPntP/SNGe
gwi8awcFCYYWJClFIkwcK5JlwYtHsm1VVZ/oN8ZxaZ7ui1RPKO77r0PXtgipdVeQ
o1Po0Z9T47QusySpaI0djKLJwWNrtiPsDQBOq73pOKdrEC28I2E+k5OV2Zauqx64
noEu
-----END CERTIFICATE-----
";

/// When the certificates begin; they last 90 days.
const BEGIN: (i32, u8, u8) = (2026, 1, 1);

fn day(nth: u64) -> SystemTime {
    let begin = SystemTime::from(rcgen::date_time_ymd(BEGIN.0, BEGIN.1, BEGIN.2));
    begin + Duration::from_secs(nth * 24 * 3600)
}

fn params(subject: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = rcgen::date_time_ymd(BEGIN.0, BEGIN.1, BEGIN.2);
    params.not_after = params.not_before + time::Duration::days(90);
    params
}

/// A root, an intermediate, and a certificate for `a.test`, each signed by the one before.
struct Family {
    key: KeyPair,
    root: Certificate,
    middle: Certificate,
    leaf: Certificate,
}

impl Family {
    fn new() -> Self {
        let authority = |subject| {
            let mut params = params(subject, &[]);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.not_after = params.not_before + time::Duration::days(365);
            params
        };
        let (root_key, middle_key) = (rsa(), KeyPair::generate().unwrap());
        let root = authority("Root").self_signed(&root_key).unwrap();
        let of_root = Issuer::new(authority("Root"), root_key);
        let middle = authority("Middle").signed_by(&middle_key, &of_root);
        let of_middle = Issuer::new(authority("Middle"), middle_key);
        let key = KeyPair::generate().unwrap();
        let leaf = params("Leaf", &["a.test", "*.b.test"]).signed_by(&key, &of_middle);
        Self {
            key,
            root,
            middle: middle.unwrap(),
            leaf: leaf.unwrap(),
        }
    }
}

fn rsa() -> KeyPair {
    KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()
}

fn told(
    chain: &[&CertificateDer<'static>],
    key: &KeyPair,
    hosts: &[&str],
    now: SystemTime,
) -> Vec<String> {
    let certificates = chain.iter().map(|&certificate| certificate.clone());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = aws_lc_rs::default_provider()
        .key_provider
        .load_private_key(key);
    let chain = CertifiedKey::new(certificates.collect(), key.unwrap());
    let shown = Shown::new(Arc::new(chain)).unwrap();
    let hosts: Vec<_> = hosts
        .iter()
        .map(|&host| Located::nowhere(host.to_owned()))
        .collect();
    let file = Located::nowhere(Path::new("a.pem").to_owned());
    let doubts = doubts(&shown, &hosts, &file, now);
    doubts
        .into_iter()
        .map(|doubt| {
            assert!(!doubt.is_error());
            format!("{}\n  {}", doubt.message, doubt.hint.unwrap())
        })
        .collect()
}

/// As a CA of long ago would have signed it; nobody here verifies.
fn by_sha1(certificate: &CertificateDer<'static>) -> CertificateDer<'static> {
    const WITH_SHA256: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b];
    let mut der = certificate.to_vec();
    let places: Vec<_> = (0..der.len())
        .filter(|&at| der[at..].starts_with(&WITH_SHA256))
        .collect();
    for place in places {
        der[place + 8] = 5;
    }
    der.into()
}

#[test]
fn each_doubt_names_the_file_and_says_what_to_do() {
    let family = Family::new();
    let (leaf, middle, root) = (family.leaf.der(), family.middle.der(), family.root.der());
    let (stranger, old) = (Family::new(), by_sha1(middle));
    let stranger = stranger.root.der();
    let whole: &[_] = &[leaf, middle];
    let cases: [(&[_], &[&str], u64, &[&str]); 15] = [
        (whole, &["a.test", "*.b.test", "x.b.test"], 50, &[]),
        (&[leaf, middle, root], &["a.test"], 50, &[]),
        (&[stranger], &[], 50, &[]),
        (whole, &[], 82, &[]),
        (whole, &[], 84, &["a.pem expires on 2026-04-01 00:00 UTC, in 6 days
  renew it; new files are taken up when they are there, without a reload"]),
        (whole, &[], 88, &["a.pem expires on 2026-04-01 00:00 UTC, in 2 days
  renew it; new files are taken up when they are there, without a reload"]),
        (whole, &[], 91, &["a.pem has expired on 2026-04-01 00:00 UTC
  it is served all the same, and clients refuse it; renew it"]),
        (&[leaf], &[], 50, &["a.pem holds no certificate that vouches for the first: clients will look for \"CN=Middle\"
  append the intermediate certificates; CAs hand out a file with all, such as fullchain.pem"]),
        (&[leaf, root], &[], 50, &["a.pem holds no certificate that vouches for the first: clients will look for \"CN=Middle\"
  append the intermediate certificates; CAs hand out a file with all, such as fullchain.pem"]),
        (&[leaf, root, middle], &[], 50, &["a.pem holds the certificates in the wrong order
  the server's own comes first, then each that vouches for the one before"]),
        (&[leaf, middle, leaf], &[], 50, &["a.pem holds \"CN=Leaf\", which has no part in the chain
  remove it, or add what lies between: the chain ends with what \"CN=Root\" has signed"]),
        (whole, &["a.test", "c.test"], 50, &["a.pem is not for \"c.test\"
  it is for a.test, *.b.test"]),
        (&[stranger], &["a.test"], 50, &["a.pem is not for \"a.test\"
  it names no host at all; clients do not look at its subject"]),
        (&[leaf, &old], &[], 50, &["a.pem: \"CN=Middle\" is signed with SHA-1
  clients refuse such signatures; have it issued again"]),
        (&[leaf], &["c.test"], 91, &[
            "a.pem has expired on 2026-04-01 00:00 UTC
  it is served all the same, and clients refuse it; renew it",
            "a.pem holds no certificate that vouches for the first: clients will look for \"CN=Middle\"
  append the intermediate certificates; CAs hand out a file with all, such as fullchain.pem",
            "a.pem is not for \"c.test\"
  it is for a.test, *.b.test",
        ]),
    ];
    for (chain, hosts, nth, expected) in cases {
        assert_eq!(told(chain, &family.key, hosts, day(nth)), expected);
    }
}

#[test]
fn a_certificate_of_tomorrow_or_of_a_weak_key_is_doubted() {
    let family = Family::new();
    let weak = CertificateDer::from_pem_slice(WEAK.as_bytes()).unwrap();
    assert_eq!(
        told(&[&weak], &family.key, &["a.test"], day(0)),
        [
            "a.pem is not valid before 2026-11-21 10:47 UTC
  clients refuse it until then; see whether this machine's clock is right",
            "a.pem: the RSA key of \"CN=Weak\" has 1024 bits
  clients refuse fewer than 2048",
        ]
    );
}

#[test]
fn an_intermediate_that_has_expired_is_doubted_and_a_root_is_not() {
    let family = Family::new();
    let chain = [family.middle.der(), family.root.der()];
    assert_eq!(
        told(&chain, &family.key, &[], day(400)),
        ["a.pem has expired on 2027-01-01 00:00 UTC
  it is served all the same, and clients refuse it; renew it"]
    );
    let whole = [family.leaf.der(), family.middle.der(), family.root.der()];
    assert_eq!(
        told(&whole, &family.key, &[], day(400)),
        [
            "a.pem has expired on 2026-04-01 00:00 UTC
  it is served all the same, and clients refuse it; renew it",
            "a.pem: \"CN=Middle\" has expired on 2027-01-01 00:00 UTC
  it is served all the same, and clients refuse it; renew it",
        ]
    );
}

#[test]
fn one_that_lives_for_days_only_is_doubted_in_the_last_third() {
    let mut short = params("Short", &["a.test"]);
    short.not_after = short.not_before + time::Duration::days(6);
    let key = KeyPair::generate().unwrap();
    let short = short.self_signed(&key).unwrap();
    let told = |nth| told(&[short.der()], &key, &["a.test"], day(nth)).len();
    assert_eq!([0, 3, 5, 6, 7].map(told), [0, 0, 1, 1, 1]);
}

#[test]
fn many_names_are_cut() {
    let names: Vec<_> = (1..=7).map(|nth| format!("{nth}.test")).collect();
    assert_eq!(some(&names[..2]), "1.test, 2.test");
    assert_eq!(
        some(&names),
        "1.test, 2.test, 3.test, 4.test, 5.test and 2 more"
    );
}
