//! Certificates by themselves: from first start to every renewal, against Pebble.

mod account;
mod advice;
mod clock;
mod disk;
mod failures;
mod first;
mod hosts;
mod kills;
mod life;
mod limits;
mod nodes;
mod path;
mod reloading;

use std::{path::PathBuf, time::Duration};

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::harness::{
    AcmeFront, Certificates, Hook, Pebble, Proxy, Setup, Terms, Trust, look_at, shake_hands, until,
};

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

fn at_front(front: &AcmeFront, pebble: &Pebble) -> Setup<'static> {
    let setup = Setup::of(&one_through_front());
    setup.through(front).certified_by(pebble)
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

/// Waits until these words of the CA about `a.test` are in the metrics and on the page.
async fn await_told(edge: &Proxy, words: &str) {
    let of_host = r#"simplon_certificate_problem{host="a.test",problem=""#;
    let is_problem =
        |line: &str| line.starts_with(of_host) && line.contains(words) && line.ends_with(" 1");
    until(&format!("{words:?} is in the metrics"), async || {
        let metrics = edge.admin("/metrics").await.unwrap();
        metrics.text().lines().any(is_problem)
    })
    .await;
    let page = edge.admin("/stats").await.unwrap();
    assert!(page.text().contains(words), "{}", page.text());
    let labels = [("host", "a.test")];
    let failures = edge.metric("simplon_certificate_failures_total", &labels);
    assert!(failures.await >= Some(1));
}

/// A certificate that somebody else has put there.
struct Planted {
    chain: String,
    trust: Trust,
}

/// Puts one for `a.test` there, valid for a day that begins so long from now, as if it were of the CA with this directory.
fn planted(edge: &Proxy, ca: &str, wait: Duration) -> Planted {
    let (directory, certificates) = (edge.directory(), Certificates::new());
    certificates.write_beginning_in(wait, directory, "planted", &["a.test"]);
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let (key, chain) = (read("planted.key"), read("planted.pem"));
    // Renamed into place, as edges do.
    let (file, draft) = (kept(edge, "a.test"), directory.join("planted"));
    std::fs::write(&draft, format!("a.test\ndirectory: {ca}\n{key}\n{chain}")).unwrap();
    std::fs::rename(draft, file).unwrap();
    Planted {
        chain,
        trust: certificates.trust(directory),
    }
}

const TEMPORARY: &str = "CN=Simplon temporary certificate";

/// Pebble, which rejects no nonce where a test counts or times.
fn plain() -> Terms {
    Terms {
        nonces_rejected: 0,
        ..Terms::default()
    }
}
