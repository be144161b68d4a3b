//! One order at a CA, from its beginning to a chain that works.
//!
//! The key is on disk before the CA is asked to sign it, with the order's address: a process that is killed
//! in between goes on where it was, and neither a key nor a certificate is lost.

use std::{sync::Arc, time::Duration};

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;

use super::{
    Answers, Failure, Issuer, Offer,
    dns::Record,
    failure::{Fault, chain},
    vault::{self, Kept},
};
use crate::{config::model::Challenge, state::State};

/// Between questions to the CA whether it is done; it grows by half each time, unless the CA says otherwise.
const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(100))
    .backoff(1.5)
    .timeout(Duration::from_secs(300));

/// What is ordered, from whom, and how we show that the hosts are ours.
pub(super) struct Job<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) challenge: &'a Challenge,
    pub(super) hosts: &'a [String],
    /// The certificate that this one is to replace, if its CA gives advice about it (RFC 9773 section 5).
    pub(super) replaces: Option<&'a CertificateDer<'a>>,
    pub(super) answers: &'a Arc<Answers>,
    pub(super) state: &'a State,
}

/// What the CA has issued, and the key it is for.
pub(super) struct Obtained {
    pub(super) key: String,
    pub(super) chain: String,
    pub(super) kept: Kept,
}

/// An order that has begun: its address at the CA and the key that is to be signed.
struct Begun {
    order: Order,
    key: KeyPair,
}

/// An answer or a record that stands while the CA looks.
enum Proof {
    Offer { _offer: Offer },
    Record(Record),
}

impl Job<'_> {
    pub(super) async fn run(&self) -> Result<Obtained, Failure> {
        let account = self.issuer.account(self.state).await?;
        let mut begun = match self.resume(&account).await {
            Some(begun) => begun,
            None => self.begin(&account).await?,
        };
        let result = self.finish(&mut begun).await;
        // What the CA has refused or issued is over. What it did not answer may go on.
        let goes_on =
            |failure: &Failure| matches!(failure.fault, Fault::Unreachable | Fault::Nonce);
        if !result.as_ref().is_err_and(goes_on) {
            let removed = self.state.remove(&self.file());
            if let (Err(error), Err(_)) = (&removed, &result) {
                tracing::warn!("an order that is over cannot be forgotten: {error}");
            }
        }
        result
    }

    pub(super) fn longest(&self) -> Duration {
        Duration::from_secs(900)
    }

    async fn finish(&self, begun: &mut Begun) -> Result<Obtained, Failure> {
        let Begun { order, key } = begun;
        if order.state().status == OrderStatus::Pending {
            self.prove(order).await?;
        }
        if order.state().status == OrderStatus::Ready {
            let csr = self.request(key)?;
            let finalized = order.finalize_csr(&csr).await;
            finalized.map_err(|error| Failure::of("asking for the certificate", &error))?;
        }
        let issued = order.poll_certificate(&POLL).await;
        let chain = issued.map_err(|error| Failure::of("waiting for the certificate", &error))?;
        let key = key.serialize_pem();
        let kept =
            vault::assemble(&key, &chain, &self.issuer.settings.directory).map_err(|words| {
                Failure::refused(format!("the CA's certificate is unusable: {words}"))
            })?;
        if let Some(host) = self
            .hosts
            .iter()
            .find(|host| !kept.shown.facts.covers(host))
        {
            return Err(Failure::refused(format!(
                "the CA's certificate is not for {host}"
            )));
        }
        Ok(Obtained { key, chain, kept })
    }

    async fn begin(&self, account: &Account) -> Result<Begun, Failure> {
        let identifiers: Vec<_> = self.hosts.iter().cloned().map(Identifier::Dns).collect();
        let mut new = NewOrder::new(&identifiers);
        if let Some(profile) = &self.issuer.settings.profile {
            know(profile, account)?;
            new = new.profile(profile);
        }
        let key =
            KeyPair::generate().map_err(|error| Failure::ours(format!("making a key: {error}")))?;
        let order = match self.replaced() {
            Some(replaced) => {
                let replacing = account.new_order(&new.replaces(replaced)).await;
                // The CA may have had it replaced already, or not know it; a certificate is due all the same.
                match replacing {
                    Err(Error::Api(_) | Error::Other(_)) => {
                        let mut new = NewOrder::new(&identifiers);
                        if let Some(profile) = &self.issuer.settings.profile {
                            new = new.profile(profile);
                        }
                        account.new_order(&new).await
                    }
                    replacing => replacing,
                }
            }
            None => account.new_order(&new).await,
        };
        let order = order.map_err(|error| Failure::of("ordering", &error))?;
        let content = format!(
            "{}\n{}\n{}",
            order.url(),
            self.identity(),
            key.serialize_pem()
        );
        self.state
            .write(&self.file(), content.as_bytes())
            .map_err(|error| Failure::disk("the key cannot be kept", &error))?;
        Ok(Begun { order, key })
    }

    /// Goes on with the order that a process before this one began, if it is still good.
    async fn resume(&self, account: &Account) -> Option<Begun> {
        let content = self.state.read(&self.file()).ok()??;
        let content = String::from_utf8(content).ok()?;
        let mut parts = content.splitn(3, '\n');
        let (url, identity, key) = (parts.next()?, parts.next()?, parts.next()?);
        if identity != self.identity() {
            return None;
        }
        let key = KeyPair::from_pem(key).ok()?;
        let mut order = account.order(url.to_owned()).await.ok()?;
        let is_good = order.state().status != OrderStatus::Invalid;
        is_good.then(|| {
            tracing::info!(
                hosts = self.hosts.join(" "),
                "going on with the order {url}"
            );
            Begun { order, key }
        })
    }

    /// Shows the CA that the hosts are ours, and waits until it agrees.
    async fn prove(&self, order: &mut Order) -> Result<(), Failure> {
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization =
                authorization.map_err(|error| Failure::of("asking what to show", &error))?;
            if authorization.status == AuthorizationStatus::Pending {
                proofs.push(self.present(authorization).await?);
            }
        }
        for proof in &proofs {
            if let Proof::Record(record) = proof {
                record.propagated().await?;
            }
        }
        let outcome = self.await_ready(order).await;
        for proof in proofs {
            if let Proof::Record(record) = proof {
                record.clean_up().await;
            }
        }
        outcome
    }

    async fn present(&self, mut authorization: AuthorizationHandle<'_>) -> Result<Proof, Failure> {
        let host = host_of(&authorization);
        let way = self.way(authorization.wildcard)?;
        let kind = kind(way);
        let offered = authorization
            .challenges
            .iter()
            .map(|it| format!("{:?}", it.r#type));
        let offered = offered.collect::<Vec<_>>().join(", ");
        let Some(challenge) = authorization.challenge(kind.clone()) else {
            return Err(Failure::refused(format!(
                "the CA does not offer {kind:?} for {host}, but {offered}"
            )));
        };
        let authorization = challenge.key_authorization();
        let offer = match way {
            Challenge::Http01 => {
                self.answers
                    .offer_http(&host, &challenge.token, authorization.as_str())
            }
            Challenge::TlsAlpn01 => self
                .answers
                .offer_alpn(&host, authorization.digest().as_ref()),
            Challenge::Dns01(hook) => {
                let name = format!("_acme-challenge.{host}");
                let record = Record::present(hook, name, authorization.dns_value()).await?;
                return Ok(Proof::Record(record));
            }
        };
        let offer =
            offer.map_err(|error| Failure::disk("the answer cannot be kept for the CA", &error))?;
        Ok(Proof::Offer { _offer: offer })
    }

    /// Tells the CA to look, and waits for what it says.
    async fn await_ready(&self, order: &mut Order) -> Result<(), Failure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization =
                authorization.map_err(|error| Failure::of("asking what to show", &error))?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let kind = kind(self.way(authorization.wildcard)?);
            if let Some(mut challenge) = authorization.challenge(kind) {
                let told = challenge.set_ready().await;
                told.map_err(|error| Failure::of("telling the CA to look", &error))?;
            }
        }
        match order.poll_ready(&POLL).await {
            Ok(OrderStatus::Invalid) | Err(Error::Api(_)) => Err(reasons(order).await),
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of("waiting for the CA to look", &error)),
        }
    }

    /// The challenge in use; for a wildcard the one by DNS, since there is no other.
    fn way(&self, wildcard: bool) -> Result<&Challenge, Failure> {
        let is_dns = |challenge: &&Challenge| matches!(challenge, Challenge::Dns01(_));
        if !wildcard || is_dns(&self.challenge) {
            return Ok(self.challenge);
        }
        let all = &self.issuer.settings.challenges;
        all.iter()
            .find(is_dns)
            .ok_or_else(|| Failure::ours("a wildcard needs the challenge dns-01"))
    }

    /// RFC 2986; the CA takes the hosts, and nothing else, from it.
    fn request(&self, key: &KeyPair) -> Result<Vec<u8>, Failure> {
        let make = || {
            let mut params = CertificateParams::new(self.hosts.to_vec())?;
            params.distinguished_name = DistinguishedName::new();
            params.serialize_request(key)
        };
        let request =
            make().map_err(|error| Failure::ours(format!("the signing request: {error}")))?;
        Ok(request.der().to_vec())
    }

    fn replaced(&self) -> Option<instant_acme::CertificateIdentifier<'static>> {
        let replaced = instant_acme::CertificateIdentifier::try_from(self.replaces?).ok()?;
        Some(replaced.into_owned())
    }

    /// Where the order is kept while it is under way.
    fn file(&self) -> String {
        format!("orders/{}", vault::name(self.hosts))
    }

    /// An order of another CA, or for other hosts, is another order.
    fn identity(&self) -> String {
        format!(
            "{} {}",
            self.issuer.settings.directory,
            vault::set(self.hosts)
        )
    }
}

/// Whether the CA has the profile, which its directory tells (draft-aaron-acme-profiles).
fn know(profile: &str, account: &Account) -> Result<(), Failure> {
    let known: Vec<&str> = account.profiles().map(|known| known.name).collect();
    if known.contains(&profile) {
        return Ok(());
    }
    Err(Failure::refused(match known[..] {
        [] => format!("the CA has no profiles; remove `profile: {profile}`"),
        _ => format!("the CA has no profile {profile}, but {}", known.join(", ")),
    }))
}

/// An order that is over is not gone on with.
pub(super) fn forget(state: &State, hosts: &[String]) {
    let _ = state.remove(&format!("orders/{}", vault::name(hosts)));
}

fn kind(challenge: &Challenge) -> ChallengeType {
    match challenge {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        Challenge::Dns01(_) => ChallengeType::Dns01,
    }
}

/// Without the `*.` of a wildcard: the record of RFC 8555 section 8.4 is at the name below it.
fn host_of(authorization: &AuthorizationHandle<'_>) -> String {
    match authorization.identifier().identifier {
        Identifier::Dns(name) => name.to_ascii_lowercase(),
        other => format!("{other:?}"),
    }
}

/// What the CA found wrong, host by host.
async fn reasons(order: &mut Order) -> Failure {
    let of_order = order.state().error.as_ref().map(ToString::to_string);
    let mut words = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Err(error) = authorization.refresh().await {
            words.push(chain(&error));
            continue;
        }
        let host = authorization.identifier().to_string();
        for challenge in &authorization.challenges {
            if let Some(problem) = &challenge.error {
                let problem = problem.to_string().replacen("API error: ", "", 1);
                words.push(format!("{host}: {problem}"));
            }
        }
    }
    if words.is_empty() {
        words.extend(of_order);
    }
    if words.is_empty() {
        words.push("the CA says no, and not why".to_owned());
    }
    Failure::refused(words.join("; "))
}
