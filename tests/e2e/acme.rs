//! Certificates by themselves: from first start to every renewal, against Pebble.

mod account;
mod advice;
mod failures;
mod first;
mod life;
mod limits;

use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::harness::{Hook, Pebble, Proxy, Terms, look_at, shake_hands, until};

/// One host at a Pebble that validates by HTTP.
const ONE: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: modern }
    acme: { ca: { directory: $acme, root: $root, challenge: http-01 } }
    certificates: [{ hosts: [a.test], acme: ca }]
    routes: [{ respond: { body: secure } }]
    ";

/// The same at a front of it.
fn one_through_front() -> String {
    ONE.replace("$acme", "$front").replace("$root", "$its_root")
}

/// With the challenge dns-01, `$dns_01`.
const BY_DNS: &str = "
    listeners: { https: { bind: 127.0.0.1:$https, tls: modern } }
    acme: { ca: { directory: $acme, root: $root, challenge: $dns_01 } }
    certificates: [{ hosts: $hosts, acme: ca }]
    routes: [{ respond: { body: secure } }]
    ";

fn by_dns(pebble: &Pebble, hook: &Hook, hosts: &str) -> String {
    let text = BY_DNS.replace("$hosts", hosts);
    text.replace("$dns_01", &dns_01(pebble, hook))
}

/// The challenge through this hook, seen at the DNS of this Pebble.
fn dns_01(pebble: &Pebble, hook: &Hook) -> String {
    let (command, server) = (hook.command(), pebble.dns().address().to_string());
    format!("{{ dns-01: {{ command: {command:?}, propagation: {{ servers: [{server:?}] }} }} }}")
}

/// Waits until a client of `host` who trusts nobody but this Pebble is served.
async fn await_certified(edge: &Proxy, host: &str, pebble: &Pebble) {
    let trust = pebble.issued_by().await;
    until(&format!("{host} is certified"), async || {
        shake_hands(edge.https(), host, &[], &trust).await.is_ok()
    })
    .await;
}

/// What is shown for `host`, whoever has signed it.
async fn shown(edge: &Proxy, host: &str) -> CertificateDer<'static> {
    look_at(edge.https(), host).await.unwrap()
}

/// Who it says has signed it.
fn signer(certificate: &CertificateDer<'_>) -> String {
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    parsed.issuer().to_string()
}

/// The file that keeps the certificate of a host, chain and key.
fn kept(edge: &Proxy, host: &str) -> PathBuf {
    edge.state().join(format!("certificates/{host}.pem"))
}

/// The certificates there, as the CA gave them.
fn chain(edge: &Proxy, host: &str) -> String {
    let kept = std::fs::read_to_string(kept(edge, host)).unwrap();
    let begin = kept.find("-----BEGIN CERTIFICATE-----").unwrap();
    kept[begin..].to_owned()
}

/// Whether this Pebble knows profiles and renewal information, as all do but Debian 12's.
async fn is_recent(pebble: &Pebble) -> bool {
    let is_recent = pebble.has_ari().await;
    if !is_recent {
        eprintln!("this Pebble is too old for this test; tests/fetch would get one that is not");
    }
    is_recent
}

const TEMPORARY: &str = "CN=Simplon temporary certificate";

/// Pebble, which rejects no nonce where a test counts or times.
fn plain() -> Terms {
    Terms {
        nonces_rejected: 0,
        ..Terms::default()
    }
}
