//! What `acme` and certificates by ACME mean: every default, and every key.

use std::{path::Path, time::Duration};

use crate::config::{
    Loaded, load_with,
    model::{Certificate, CertificateSource, Challenge, Issuer, IssuerLimits, Quota},
};

const REST: &str = "
upstreams: { app: { servers: [127.0.0.1:3000] } }
routes: [{ upstream: app }]
";
const LISTENERS: &str =
    "listeners: { http: { bind: ':80', redirect: https }, https: { bind: ':443', tls: modern } }";
const ONE_LINE: &str = "certificates:\n  - { hosts: [example.ch], acme: letsencrypt }\n";

fn load_at(directory: &Path, text: &str) -> Loaded {
    let path = directory.join("a.yaml");
    std::fs::write(&path, format!("{text}{REST}")).unwrap();
    load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"))
}

fn issuers(text: &str) -> Vec<Issuer> {
    let loaded = load_at(tempfile::tempdir().unwrap().path(), text);
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    loaded.config.issuers
}

fn quota(count: u32, seconds: u64) -> Quota {
    Quota {
        count: count.try_into().unwrap(),
        within: Duration::from_secs(seconds),
    }
}

#[test]
fn one_line_is_all_it_takes() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = load_at(directory.path(), &format!("{LISTENERS}\n{ONE_LINE}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    let expected = Issuer {
        name: "letsencrypt".into(),
        directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
        contact: vec![],
        challenges: vec![Challenge::Http01, Challenge::TlsAlpn01],
        external_account: None,
        profile: None,
        root: None,
        fallback: None,
        limits: IssuerLimits {
            orders: quota(300, 3 * 3600),
            duplicates: quota(5, 7 * 86_400),
            failures: quota(5, 3600),
        },
    };
    assert_eq!(loaded.config.issuers, [expected]);
    let Certificate {
        source, is_default, ..
    } = &loaded.config.certificates[0];
    assert_eq!((source, is_default), (&CertificateSource::Acme(0), &false));
}

#[test]
fn issuers_that_nothing_names_are_not_there() {
    assert_eq!(issuers(LISTENERS.replace(", tls: modern", "").as_str()), []);
}

#[test]
fn the_default_challenges_are_those_that_listeners_answer() {
    use Challenge::{Http01, TlsAlpn01};
    let table: [(&str, &[Challenge]); 5] = [
        (
            "h: { bind: ':80' }, s: { bind: ':443', tls: modern }",
            &[Http01, TlsAlpn01],
        ),
        ("s: { bind: ':443', tls: modern }", &[TlsAlpn01]),
        (
            "h: { bind: ':8080' }, s: { bind: ':443', tls: modern }",
            &[TlsAlpn01, Http01],
        ),
        (
            "h: { bind: ':80' }, s: { bind: ':8443', tls: modern }",
            &[Http01, TlsAlpn01],
        ),
        (
            "h: { bind: ['127.0.0.1:8080', ':80'] }, s: { bind: ':8443', tls: modern }",
            &[Http01, TlsAlpn01],
        ),
    ];
    for (listeners, expected) in table {
        let found = issuers(&format!("listeners: {{ {listeners} }}\n{ONE_LINE}"));
        assert_eq!(found[0].challenges, expected, "{listeners}");
    }
}

const FULL: &str = "
listeners: { http: { bind: ':80' }, https: { bind: ':443', tls: modern } }
acme:
  letsencrypt: { contact: ops@example.ch, profile: shortlived, fallback: office }
  office:
    directory: https://ca.office.lan:9000/acme/acme/directory
    contact: [mailto:a@example.ch, b+c@example.ch]
    external_account: { key_id: kid-1, hmac_file: secrets/hmac }
    root: /etc/ssl/office.pem
    fallback: letsencrypt-staging
    limits: { orders: 10/m, failures: 2/30d }
    challenge:
      - dns-01:
          command: [./hook, --zone, example.ch]
          timeout: 30s
          propagation: { servers: ['127.0.0.1:8053', '::1'], timeout: 0s, delay: 500ms }
      - tls-alpn-01
certificates:
  - { hosts: [localhost], self_signed: true }
  - { hosts: '*.office.lan', acme: office, default: true }
  - { hosts: [example.ch], acme: letsencrypt, default: false }
";

#[test]
fn the_keys_of_issuers_reach_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let config = load_at(directory, FULL).config;
    let [letsencrypt, office, staging] = config.issuers.as_slice() else {
        panic!("{:?}", config.issuers);
    };
    assert_eq!(
        letsencrypt.directory,
        "https://acme-v02.api.letsencrypt.org/directory"
    );
    assert_eq!(letsencrypt.contact, ["mailto:ops@example.ch"]);
    assert_eq!(letsencrypt.profile.as_deref(), Some("shortlived"));
    assert_eq!(
        (letsencrypt.fallback, office.fallback, staging.fallback),
        (Some(1), Some(2), None)
    );
    assert_eq!(&*staging.name, "letsencrypt-staging");
    assert_eq!(
        staging.directory,
        "https://acme-staging-v02.api.letsencrypt.org/directory"
    );
    assert_eq!(
        office.contact,
        ["mailto:a@example.ch", "mailto:b+c@example.ch"]
    );
    let account = office.external_account.as_ref().unwrap();
    assert_eq!(account.key_id, "kid-1");
    assert_eq!(account.hmac_file.value, directory.join("secrets/hmac"));
    assert_eq!(
        office.root.as_ref().unwrap().value,
        Path::new("/etc/ssl/office.pem")
    );
    let limits = IssuerLimits {
        orders: quota(10, 60),
        duplicates: quota(5, 7 * 86_400),
        failures: quota(2, 30 * 86_400),
    };
    assert_eq!(office.limits, limits);
    let sources: Vec<_> = config
        .certificates
        .iter()
        .map(|it| (&it.source, it.is_default))
        .collect();
    assert_eq!(
        sources,
        [
            (&CertificateSource::SelfSigned, false),
            (&CertificateSource::Acme(1), true),
            (&CertificateSource::Acme(0), false),
        ]
    );
}

#[test]
fn a_dns_hook_runs_beside_the_file_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = load_at(directory.path(), FULL).config;
    let [Challenge::Dns01(hook), Challenge::TlsAlpn01] = config.issuers[1].challenges.as_slice()
    else {
        panic!("{:?}", config.issuers[1].challenges);
    };
    assert_eq!(hook.command, ["./hook", "--zone", "example.ch"]);
    assert_eq!(hook.directory, directory.path());
    assert_eq!(hook.timeout, Duration::from_secs(30));
    let servers: Vec<_> = hook
        .propagation
        .servers
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(servers, ["127.0.0.1:8053", "[::1]:53"]);
    assert_eq!(
        (hook.propagation.timeout, hook.propagation.delay),
        (Duration::ZERO, Duration::from_millis(500))
    );
}

#[test]
fn a_dns_hook_has_the_documented_defaults() {
    let text = format!(
        "{LISTENERS}\nacme: {{ letsencrypt: {{ challenge: {{ dns-01: {{ command: hook }} }} }} }}
certificates: [{{ hosts: ['*.example.ch', example.ch], acme: letsencrypt }}]"
    );
    let found = issuers(&text);
    let [Challenge::Dns01(hook)] = found[0].challenges.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(hook.command, ["hook"]);
    assert_eq!(hook.timeout, Duration::from_secs(120));
    assert!(hook.propagation.servers.is_empty());
    assert_eq!(
        (hook.propagation.timeout, hook.propagation.delay),
        (Duration::from_secs(300), Duration::ZERO)
    );
}
