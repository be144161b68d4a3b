//! The answers to challenges that are at issue just now.
//!
//! They lie in memory, and in the state directory for other nodes that share it: the CA may ask any of them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use tokio::sync::Semaphore;

use crate::{state::State, tls::Chain};

const DIRECTORY: &str = "challenges";
/// An answer this old belongs to no order that is under way.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Looks into the state directory at a time, for answers of other nodes. Whoever asks for more at once is
/// told that there is none.
const LOOKS: usize = 8;
/// Letters of a token: RFC 8555 section 8.3 wants 128 bits at least, in base64url. A CA uses 43.
const TOKEN: std::ops::RangeInclusive<usize> = 16..=128;

/// Every challenge at issue, by what the CA asks with.
#[derive(Debug)]
pub struct Answers {
    /// By token: the host it is for, and the key authorization.
    http: RwLock<HashMap<String, (String, String)>>,
    /// By host: a certificate that holds the digest.
    alpn: RwLock<HashMap<String, Chain>>,
    shared: State,
    looks: Semaphore,
}

/// An answer that is given until this is dropped.
#[derive(Debug)]
pub struct Offer {
    answers: Arc<Answers>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Http { token: String },
    Alpn { host: String },
}

impl Answers {
    pub fn new(shared: State) -> Self {
        Self {
            http: RwLock::default(),
            alpn: RwLock::default(),
            shared,
            looks: Semaphore::new(LOOKS),
        }
    }

    /// The state directory that the answers are shared through.
    pub fn state(&self) -> &State {
        &self.shared
    }

    /// Answers `token` for `host` by HTTP with `authorization` (RFC 8555 section 8.3).
    ///
    /// Waits for the disk. `Err` says why other nodes cannot know of it, or why token or host are none.
    pub fn offer_http(
        self: &Arc<Self>,
        host: &str,
        token: &str,
        authorization: &str,
    ) -> std::io::Result<Offer> {
        if !is_token(token) {
            return Err(std::io::Error::other("the CA's token is not base64url"));
        }
        refuse_strange(host)?;
        let answer = (host.to_owned(), authorization.to_owned());
        self.http.write().insert(token.to_owned(), answer);
        let offer = Offer {
            answers: Arc::clone(self),
            kind: Kind::Http {
                token: token.to_owned(),
            },
        };
        let content = format!("{host}\n{authorization}");
        self.shared.write(&offer.file(), content.as_bytes())?;
        Ok(offer)
    }

    /// Answers handshakes for `host` that offer `acme-tls/1` (RFC 8737) with a certificate that holds `digest`.
    ///
    /// Waits for the disk. `Err` as above.
    pub fn offer_alpn(self: &Arc<Self>, host: &str, digest: &[u8]) -> std::io::Result<Offer> {
        refuse_strange(host)?;
        let chain = acme_certificate(host, digest).map_err(std::io::Error::other)?;
        self.alpn.write().insert(host.to_owned(), chain);
        let offer = Offer {
            answers: Arc::clone(self),
            kind: Kind::Alpn {
                host: host.to_owned(),
            },
        };
        self.shared.write(&offer.file(), digest)?;
        Ok(offer)
    }

    /// What to say to `GET /.well-known/acme-challenge/TOKEN` with this host, lower case and without a port.
    pub async fn http(&self, host: &str, token: &str) -> Option<String> {
        if !is_token(token) {
            return None;
        }
        if let Some((of, authorization)) = self.http.read().get(token) {
            return (of == host).then(|| authorization.clone());
        }
        let content = self.look(format!("{DIRECTORY}/http-{token}")).await?;
        let content = String::from_utf8(content).ok()?;
        let (of, authorization) = content.split_once('\n')?;
        (of == host).then(|| authorization.to_owned())
    }

    /// The certificate for a handshake that offers `acme-tls/1` and names this host, lower case.
    pub async fn alpn(&self, host: &str) -> Option<Chain> {
        let known = self.alpn.read().get(host).map(Arc::clone);
        if known.is_some() || !is_host(host) {
            return known;
        }
        let digest = self.look(format!("{DIRECTORY}/alpn-{host}")).await?;
        acme_certificate(host, &digest).ok()
    }

    /// Removes the answers of processes that were killed: no order takes as long.
    pub(super) fn sweep(&self, now: SystemTime) {
        for name in self.shared.list(DIRECTORY).unwrap_or_default() {
            let file = format!("{DIRECTORY}/{name}");
            let age = self.shared.modified(&file).map(|at| now.duration_since(at));
            if matches!(age, Some(Ok(age)) if age > ABANDONED) {
                let _ = self.shared.remove(&file); // what stays harms nobody
            }
        }
    }

    /// What another node has offered, if it has.
    async fn look(&self, file: String) -> Option<Vec<u8>> {
        let _turn = self.looks.try_acquire().ok()?;
        let shared = self.shared.clone();
        let read = tokio::task::spawn_blocking(move || shared.read(&file)).await;
        read.ok()?.ok()?
    }
}

impl Offer {
    fn file(&self) -> String {
        match &self.kind {
            Kind::Http { token } => format!("{DIRECTORY}/http-{token}"),
            Kind::Alpn { host } => format!("{DIRECTORY}/alpn-{host}"),
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        match &self.kind {
            Kind::Http { token } => drop(self.answers.http.write().remove(token)),
            Kind::Alpn { host } => drop(self.answers.alpn.write().remove(host)),
        }
        let (answers, file) = (Arc::clone(&self.answers), self.file());
        let alpn = match &self.kind {
            Kind::Alpn { host } => Some(host.clone()),
            Kind::Http { .. } => None,
        };
        let remove = move || {
            // The next order for this host may have been quicker than the disk. A token is used once.
            let is_taken = alpn.is_some_and(|host| answers.alpn.read().contains_key(&host));
            if !is_taken {
                // A file that stays answers a question that nobody asks any more.
                let _ = answers.shared.remove(&file);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Nothing else is looked for, so that no path can be made of it.
fn is_token(text: &str) -> bool {
    TOKEN.contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_host(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(is_letter) && !text.starts_with('.')
}

/// A host becomes a part of a file's name, and a line of a file.
fn refuse_strange(host: &str) -> std::io::Result<()> {
    if is_host(host) {
        return Ok(());
    }
    let words = format!("{host:?} is no host name");
    Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, words))
}

/// RFC 8737 section 3: self-signed, for this host alone, with the digest in a critical extension.
fn acme_certificate(host: &str, digest: &[u8]) -> Result<Chain, String> {
    if digest.len() != 32 {
        return Err("a digest of SHA-256 has 32 bytes".to_owned());
    }
    let make = || -> Result<_, rcgen::Error> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let pair = KeyPair::generate()?;
        let certificate = params.self_signed(&pair)?;
        Ok((certificate.der().clone(), pair.serialize_der()))
    };
    let (certificate, key) = make().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|error| error.to_string())?;
    // `from_der` would refuse the critical extension, which only ACME servers know.
    Ok(Arc::new(CertifiedKey::new(vec![certificate], key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

    fn answers(home: &tempfile::TempDir) -> Arc<Answers> {
        Arc::new(Answers::new(State::open(home.path()).unwrap()))
    }

    #[tokio::test]
    async fn exactly_the_token_and_host_at_issue_are_answered() {
        let home = tempfile::tempdir().unwrap();
        let answers = answers(&home);
        let offer = answers.offer_http("example.ch", TOKEN, "it is me").unwrap();
        let said = answers.http("example.ch", TOKEN).await;
        assert_eq!(said.as_deref(), Some("it is me"));
        assert_eq!(answers.http("example.com", TOKEN).await, None);
        assert_eq!(
            answers.http("example.ch", &TOKEN.to_lowercase()).await,
            None
        );
        assert_eq!(answers.http("example.ch", "../account").await, None);
        drop(offer);
        // Its file is removed where the disk may be waited for.
        while answers.http("example.ch", TOKEN).await.is_some() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn another_node_answers_too() {
        let home = tempfile::tempdir().unwrap();
        let (ours, theirs) = (answers(&home), answers(&home));
        let http = theirs.offer_http("example.ch", TOKEN, "it is me").unwrap();
        let alpn = theirs.offer_alpn("example.ch", &[7; 32]).unwrap();
        let said = ours.http("example.ch", TOKEN).await;
        assert_eq!(said.as_deref(), Some("it is me"));
        assert_eq!(ours.http("example.com", TOKEN).await, None);
        assert!(ours.alpn("example.ch").await.is_some());
        assert!(ours.alpn("example.com").await.is_none());
        drop((http, alpn));
        let is_gone = async || {
            ours.http("example.ch", TOKEN).await.is_none()
                && ours.alpn("example.ch").await.is_none()
        };
        // They are removed where the disk may be waited for.
        while !is_gone().await {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn an_offer_without_a_runtime_is_withdrawn_at_once() {
        let home = tempfile::tempdir().unwrap();
        let answers = answers(&home);
        let offer = answers.offer_http("example.ch", TOKEN, "it is me").unwrap();
        assert_eq!(answers.shared.list(DIRECTORY).unwrap().len(), 1);
        drop(offer);
        assert!(answers.shared.list(DIRECTORY).unwrap().is_empty());
    }

    #[test]
    fn a_host_of_the_cas_making_reaches_no_file() {
        let home = tempfile::tempdir().unwrap();
        let answers = answers(&home);
        let victim = "accounts/victim.json";
        answers.shared.write(victim, b"precious").unwrap();
        std::fs::create_dir_all(home.path().join(DIRECTORY).join("alpn-x")).unwrap();
        for host in [
            "x/../../accounts/victim.json",
            "/etc/passwd",
            "",
            ".",
            "example.ch\nmore",
            "example.ch\0",
            "*.example.ch",
        ] {
            let alpn = answers.offer_alpn(host, &[7; 32]).map(drop);
            let http = answers.offer_http(host, TOKEN, "it is me").map(drop);
            for result in [alpn, http] {
                let kind = result.unwrap_err().kind();
                assert_eq!(kind, std::io::ErrorKind::InvalidInput, "{host:?}");
            }
        }
        let left = answers.shared.read(victim).unwrap();
        assert_eq!(left.as_deref(), Some(&b"precious"[..]));
        assert_eq!(answers.shared.list(DIRECTORY).unwrap(), ["alpn-x"]);
    }

    #[test]
    fn what_is_no_token_or_host_is_not_looked_for() {
        for text in [
            "",
            "short",
            "../../../../etc/passwd",
            "a/b/c/d/e/f/g/h/i/j",
            "tökentökentöken",
        ] {
            assert!(!is_token(text), "{text}");
        }
        for text in ["", "..", "../x", "a/b", ".hidden"] {
            assert!(!is_host(text), "{text}");
        }
        assert!(is_token(TOKEN) && is_host("xn--bcher-kva.example"));
    }
}
