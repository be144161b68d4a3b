//! Certificates from files: who gets which, and what happens when they change.

use std::{fs, os::unix::fs::symlink, path::Path};

use rustls::{SignatureScheme, pki_types::CertificateDer};

use crate::harness::{
    Certificates, Client, Proxy, Trust, Wire, certificate_for, shake_hands, simplon, until,
};

const ONE: &str = "
    listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
    certificates: [{ hosts: [a.test], chain: a.pem, key: a.key }]
    routes: [{ respond: { body: secure } }]
    ";

fn anything(_: SignatureScheme) -> bool {
    true
}

fn ecdsa(scheme: SignatureScheme) -> bool {
    scheme == SignatureScheme::ECDSA_NISTP256_SHA256
}

fn rsa(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PSS_SHA256 | SignatureScheme::RSA_PKCS1_SHA256
    )
}

/// The first certificate of a file.
fn in_file(path: &Path) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(path).unwrap()
}

/// A proxy with `a.pem` and `a.key` for `a.test`, and who trusts it.
struct Place {
    proxy: Proxy,
    certificates: Certificates,
    trust: Trust,
}

impl Place {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificates = Certificates::new();
        certificates.write(directory.path(), "a", &["a.test"]);
        let trust = certificates.trust(directory.path());
        Self {
            proxy: Proxy::in_directory(directory, ONE, &[]).await,
            certificates,
            trust,
        }
    }

    fn directory(&self) -> &Path {
        self.proxy.directory()
    }

    /// What a client of `a.test` gets.
    async fn shown(&self) -> CertificateDer<'static> {
        let port = self.proxy.https();
        certificate_for(anything, port, "a.test", &self.trust)
            .await
            .unwrap()
    }

    async fn await_shown(&self, file: &str) {
        let expected = in_file(&self.directory().join(file));
        until(&format!("{file} is shown"), async || {
            self.shown().await == expected
        })
        .await;
    }

    async fn client(&self) -> Client {
        let stream = shake_hands(self.proxy.https(), "a.test", &["http/1.1"], &self.trust);
        Client::new(Wire::new(stream.await.unwrap()))
    }

    /// Where `simplon_certificate_not_after_seconds` stands.
    async fn not_after(&self) -> Option<u64> {
        let labels = [("host", "a.test")];
        self.proxy
            .metric("simplon_certificate_not_after_seconds", &labels)
            .await
    }
}

async fn secure(client: &mut Client) -> String {
    let answer = client.ask("GET", "/", &["host: a.test"], b"").await;
    answer.text().to_owned()
}

#[tokio::test]
async fn clients_of_ecdsa_and_of_rsa_get_each_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    certificates.write_rsa(directory.path(), "rsa", &["a.test", "*.wild.test"]);
    certificates.write(directory.path(), "ecdsa", &["a.test", "*.wild.test"]);
    let trust = certificates.trust(directory.path());
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
        certificates:
          - { hosts: [a.test, '*.wild.test'], chain: rsa.pem, key: rsa.key }
          - { hosts: [a.test, '*.wild.test'], chain: ecdsa.pem, key: ecdsa.key }
        routes: [{ respond: { body: secure } }]
        ";
    let proxy = Proxy::in_directory(directory, text, &[]).await;
    let file = |name: &str| in_file(&proxy.directory().join(name));
    for name in ["a.test", "x.wild.test", "A.Test", "X.WILD.test"] {
        for (can_verify, expected) in [
            (rsa as fn(_) -> _, "rsa.pem"),
            (ecdsa, "ecdsa.pem"),
            (anything, "ecdsa.pem"),
        ] {
            let shown = certificate_for(can_verify, proxy.https(), name, &trust).await;
            assert_eq!(shown.unwrap(), file(expected), "{name}");
        }
    }
    let unknown = certificate_for(anything, proxy.https(), "x.y.wild.test", &trust).await;
    assert!(unknown.is_err());
}

#[tokio::test]
async fn files_that_change_are_shown_without_a_reload_and_no_connection_notices() {
    let place = Place::new().await;
    let mut open = place.client().await;
    assert_eq!(secure(&mut open).await, "secure");
    let before = (place.shown().await, place.not_after().await.unwrap());
    let directory = place.directory();
    place
        .certificates
        .write_valid(directory, "a", "a.test", (-1, 90));
    place.await_shown("a.pem").await;
    assert_ne!(place.shown().await, before.0);
    let days = (place.not_after().await.unwrap() - now()) / 86_400;
    assert_eq!(days, 90);
    assert_ne!(place.not_after().await, Some(before.1));
    place
        .proxy
        .errors()
        .await_line("a.pem has changed and is shown, valid until ")
        .await;
    // The connection from before goes on, and nothing was reloaded.
    assert_eq!(secure(&mut open).await, "secure");
    let generation = place.proxy.metric("simplon_config_generation", &[]).await;
    assert_eq!(generation, Some(1));
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[tokio::test]
async fn a_reload_reads_files_at_once() {
    let place = Place::new().await;
    place
        .certificates
        .write(place.directory(), "a", &["a.test"]);
    place.proxy.reload().await;
    let expected = in_file(&place.directory().join("a.pem"));
    assert_eq!(place.shown().await, expected);
}

#[tokio::test]
async fn links_that_are_swapped_lead_to_the_new_certificate() {
    // As Kubernetes does: files are links through a link to a folder, which is replaced whole.
    let directory = tempfile::tempdir().unwrap();
    let (at, certificates) = (directory.path(), Certificates::new());
    for version in ["1", "2"] {
        fs::create_dir(at.join(version)).unwrap();
        certificates.write(&at.join(version), "a", &["a.test"]);
    }
    symlink("1", at.join("data")).unwrap();
    symlink("data/a.pem", at.join("a.pem")).unwrap();
    symlink("data/a.key", at.join("a.key")).unwrap();
    let trust = certificates.trust(at);
    let place = Place {
        proxy: Proxy::in_directory(directory, ONE, &[]).await,
        certificates,
        trust,
    };
    place.await_shown("1/a.pem").await;
    symlink("2", place.directory().join("next")).unwrap();
    fs::rename(
        place.directory().join("next"),
        place.directory().join("data"),
    )
    .unwrap();
    place.await_shown("2/a.pem").await;
}

#[tokio::test]
async fn half_a_pair_changes_nothing_and_is_told_once() {
    let place = Place::new().await;
    let (directory, before) = (place.directory(), place.shown().await);
    place.certificates.write(directory, "next", &["a.test"]);
    fs::rename(directory.join("next.pem"), directory.join("a.pem")).unwrap();
    let told = "a.pem do not belong together; the certificate from before stays";
    place.proxy.errors().await_line(told).await;
    assert_eq!(place.shown().await, before);
    // A reload is refused for it.
    place.proxy.reload_in_vain().await;
    assert_eq!(place.shown().await, before);
    fs::rename(directory.join("next.key"), directory.join("a.key")).unwrap();
    place.await_shown("a.pem").await;
    let lines = place.proxy.errors().lines();
    let count = lines.iter().filter(|line| line.contains(told)).count();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_host_that_leaves_takes_its_metrics_along() {
    let place = Place::new().await;
    let temporary = async || {
        let labels = [("host", "a.test")];
        let name = "simplon_certificate_temporary";
        place.proxy.metric(name, &labels).await
    };
    assert!(place.not_after().await.is_some());
    assert_eq!(temporary().await, Some(0));
    place
        .proxy
        .rewrite(&ONE.replace("hosts: [a.test]", "hosts: [b.test]"));
    place.proxy.reload().await;
    assert_eq!((place.not_after().await, temporary().await), (None, None));
    place
        .proxy
        .errors()
        .await_line("a.pem is not for \"b.test\"")
        .await;
}

#[tokio::test]
async fn the_state_directory_cannot_change_while_the_process_runs() {
    let place = Place::new().await;
    place
        .proxy
        .rewrite(&format!("{}\n    state: $dir/other", ONE.trim_end()));
    place.proxy.reload_in_vain().await;
    place
        .proxy
        .errors()
        .await_line("`state` cannot change while the process runs")
        .await;
}

#[tokio::test]
async fn check_warns_of_what_clients_will_refuse() {
    let directory = tempfile::tempdir().unwrap();
    let (at, certificates) = (directory.path(), Certificates::new());
    certificates.write_valid(at, "good", "a.test", (-1, 60));
    certificates.write_valid(at, "expired", "a.test", (-60, -20));
    certificates.write_valid(at, "ending", "a.test", (-60, 3));
    certificates.write_valid(at, "early", "a.test", (5, 60));
    certificates.write(at, "lonely", &["a.test"]);
    let chain = fs::read_to_string(at.join("lonely.pem")).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let (first, _) = chain.split_once(end).unwrap();
    fs::write(at.join("lonely.pem"), format!("{first}{end}")).unwrap();
    certificates.write(at, "else", &["b.test"]);
    for (name, expected) in [
        ("good", &[][..]),
        (
            "expired",
            &["expired.pem has expired on ", "it is served all the same"],
        ),
        (
            "ending",
            &["ending.pem expires on ", ", in 3 days", "renew it"],
        ),
        (
            "early",
            &["early.pem is not valid before ", "this machine's clock"],
        ),
        (
            "lonely",
            &[
                "lonely.pem holds no certificate that vouches for the first",
                "The test's authority",
                "append the intermediate certificates",
            ],
        ),
        (
            "else",
            &["else.pem is not for \"a.test\"", "it is for b.test"],
        ),
    ] {
        let file = at.join("simplon.yaml");
        let text = format!(
            "listeners: {{ https: {{ bind: 127.0.0.1:8443, tls: modern }} }}
certificates: [{{ hosts: [a.test], chain: {name}.pem, key: {name}.key }}]
routes: [{{ respond: {{ body: hi }} }}]
"
        );
        fs::write(&file, text).unwrap();
        let ended = simplon(&format!("check -c {}", file.display())).await;
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        for words in expected {
            assert!(ended.errors.contains(words), "{words}: {}", ended.errors);
        }
        if expected.is_empty() {
            assert!(ended.output.ends_with("is good\n"), "{}", ended.output);
        } else {
            let place = "warning: ".to_owned() + &file.display().to_string() + ":2:";
            assert!(ended.errors.contains(&place), "{}", ended.errors);
            let summary = "is good, with 1 warning\n";
            assert!(ended.output.ends_with(summary), "{}", ended.output);
        }
    }
}
