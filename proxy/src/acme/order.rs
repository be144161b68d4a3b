//! One order at a CA, from its beginning to a chain that works.
//!
//! The key is on disk before the CA is asked to sign it, with the order's address: a process that is killed
//! in between goes on where it was, and neither a key nor a certificate is lost.

use std::{sync::Arc, time::Duration};

use instant_acme::{
    Account, CertificateIdentifier, Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;

pub(super) use super::begun::forget;
use super::{
    Answers, Failure, Issuer,
    begun::Begun,
    client::is_missing,
    failure::Fault,
    proof::verdict,
    vault::{self, Kept},
};
use crate::{config::model::Challenge, state::State};

/// Between questions to the CA whether it is done; it grows by half each time, unless the CA says otherwise.
pub(super) const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(100))
    .backoff(1.5)
    .timeout(Duration::from_secs(300));
/// Times that an order is gone on with in vain, before another one is made.
const RESUMES: u32 = 3;
/// Of one order, with everything that it waits for at the CA.
const LONGEST: Duration = Duration::from_secs(900);

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

/// An order at the CA, what lies on disk of it, and its key.
struct Current {
    order: Order,
    key: KeyPair,
    begun: Begun,
}

impl Job<'_> {
    /// What was obtained lies with the order's key on disk until it is told to [`forget`], once it is kept
    /// as a certificate.
    pub(super) async fn run(&self) -> Result<Obtained, Failure> {
        self.way(self.has_wildcard())?;
        let account = self.issuer.account(self.state).await?;
        let mut current = match self.resume(&account).await? {
            Some(current) => current,
            None => self.begin(&account).await?,
        };
        let result = self.finish(&mut current).await;
        match result.as_ref().map_err(|failure| failure.fault) {
            // What the CA did not answer may go on.
            Ok(_) | Err(Fault::Unreachable | Fault::Busy) => {}
            Err(Fault::Nonce) => {
                // It says nothing about the order.
                current.begun.resumed = current.begun.resumed.saturating_sub(1);
                self.remember(&current.begun).await;
            }
            Err(_) => {
                let hosts = self.hosts.to_vec();
                let _ = self.state.with(move |state| forget(state, &hosts)).await; // as `forget` does
            }
        }
        result
    }

    /// How long [`Self::run`] may take at most, with the operator's own hook and its rests.
    pub(super) fn longest(&self) -> Duration {
        let Ok(Challenge::Dns01(hook)) = self.way(self.has_wildcard()) else {
            return LONGEST;
        };
        // One to set each record, and one to clear it.
        let runs = u32::try_from(self.hosts.len() * 2).unwrap_or(u32::MAX);
        [hook.propagation.timeout, hook.propagation.delay]
            .into_iter()
            .fold(hook.timeout.saturating_mul(runs), Duration::saturating_add)
            .saturating_add(LONGEST)
    }

    async fn finish(&self, current: &mut Current) -> Result<Obtained, Failure> {
        let Current { order, key, .. } = current;
        if order.state().status == OrderStatus::Pending {
            self.prove(order).await?;
        }
        if order.state().status == OrderStatus::Ready {
            let csr = self.request(key)?;
            let finalized = order.finalize_csr(&csr).await;
            finalized.map_err(|error| Failure::of("asking for the certificate", &error))?;
        }
        let chain = match order.poll_certificate(&POLL).await {
            Ok(chain) => chain,
            Err(error) => {
                return Err(verdict(order, "waiting for the certificate", &error).await);
            }
        };
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

    async fn begin(&self, account: &Account) -> Result<Current, Failure> {
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
        let begun = Begun {
            url: order.url().to_owned(),
            identity: self.identity(),
            resumed: 0,
            key: key.serialize_pem(),
        };
        self.write(&begun)
            .await
            .map_err(|error| Failure::disk("the key cannot be kept", &error))?;
        Ok(Current { order, key, begun })
    }

    /// Goes on with the order that was begun before, if it is still good.
    async fn resume(&self, account: &Account) -> Result<Option<Current>, Failure> {
        let hosts = self.hosts.to_vec();
        let read = self.state.with(move |state| Begun::read(state, &hosts));
        let Some(mut begun) = read.await.ok().flatten() else {
            return Ok(None);
        };
        if begun.identity != self.identity() {
            return Ok(None);
        }
        let (hosts, url) = (self.hosts.join(" "), &begun.url);
        if begun.resumed >= RESUMES {
            tracing::warn!(
                hosts,
                "the order {url} does not come to an end; another one is made"
            );
            return Ok(None);
        }
        let Ok(key) = KeyPair::from_pem(&begun.key) else {
            return Ok(None);
        };
        let mut order = match account.order(url.clone()).await {
            Ok(order) => order,
            Err(error) => {
                let failure = Failure::of("going on with the order", &error);
                if failure.fault == Fault::Refused || is_missing(&error) {
                    return Ok(None); // the CA does not know it any more
                }
                // What was not answered may have been issued; what is answered with nonsense is not for ever.
                if failure.fault == Fault::Unreachable && !matches!(error, Error::Other(_)) {
                    begun.resumed += 1;
                    self.remember(&begun).await;
                }
                return Err(failure);
            }
        };
        if order.state().status == OrderStatus::Invalid {
            return Ok(None);
        }
        tracing::info!(hosts, "going on with the order {url}");
        begun.resumed += 1;
        self.remember(&begun).await;
        Ok(Some(Current { order, key, begun }))
    }

    /// Writes how often the order was gone on with. If it cannot be written, it goes on more often.
    async fn remember(&self, begun: &Begun) {
        if let Err(error) = self.write(begun).await {
            tracing::debug!(
                hosts = self.hosts.join(" "),
                "the order cannot be noted: {error}"
            );
        }
    }

    async fn write(&self, begun: &Begun) -> std::io::Result<()> {
        let (begun, hosts) = (begun.clone(), self.hosts.to_vec());
        let write = self.state.with(move |state| begun.write(state, &hosts));
        write.await.flatten()
    }

    fn has_wildcard(&self) -> bool {
        self.hosts.iter().any(|host| host.starts_with("*."))
    }

    /// The challenge in use; for a wildcard the one by DNS, since there is no other.
    pub(super) fn way(&self, wildcard: bool) -> Result<&Challenge, Failure> {
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

    fn replaced(&self) -> Option<CertificateIdentifier<'static>> {
        let replaced = CertificateIdentifier::try_from(self.replaces?).ok()?;
        Some(replaced.into_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{self, DnsHook, IssuerLimits, Propagation};

    /// A CA that cannot be reached.
    fn issuer(challenges: Vec<Challenge>) -> Issuer {
        let settings = model::Issuer {
            name: "ca".into(),
            directory: "https://127.0.0.1:1/dir".to_owned(),
            contact: Vec::new(),
            challenges,
            external_account: None,
            profile: None,
            root: None,
            fallback: None,
            limits: IssuerLimits::default(),
        };
        Issuer::read(&settings, None).unwrap()
    }

    fn dns() -> Challenge {
        Challenge::Dns01(DnsHook {
            command: vec!["./hook".to_owned()],
            directory: ".".into(),
            timeout: Duration::from_secs(60),
            propagation: Propagation {
                servers: Vec::new(),
                timeout: Duration::from_secs(600),
                delay: Duration::from_secs(30),
            },
        })
    }

    fn hosts<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    fn with<T>(
        challenges: Vec<Challenge>,
        hosts: &[String],
        then: impl AsyncFnOnce(&Job<'_>) -> T,
    ) -> T {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        let issuer = issuer(challenges);
        let job = Job {
            issuer: &issuer,
            challenge: &issuer.settings.challenges[0],
            hosts,
            replaces: None,
            answers: &Arc::new(Answers::new(state.clone())),
            state: &state,
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(then(&job))
    }

    #[test]
    fn an_order_may_take_as_long_as_what_it_waits_for() {
        for (challenges, hosts, seconds) in [
            (vec![Challenge::Http01, dns()], hosts(["a.test"]), 900),
            (vec![dns()], hosts(["a.test"]), 900 + 120 + 630),
            (
                vec![Challenge::Http01, dns()],
                hosts(["b.test", "*.a.test"]),
                900 + 240 + 630,
            ),
        ] {
            let longest = with(challenges, &hosts, async |job| job.longest());
            assert_eq!(longest.as_secs(), seconds, "{hosts:?}");
        }
    }

    #[test]
    fn a_wildcard_without_dns_01_is_refused_before_the_ca_is_asked() {
        let failure = with(
            vec![Challenge::Http01],
            &hosts(["a.test", "*.a.test"]),
            async |job| job.run().await.err(),
        );
        assert_eq!(
            failure,
            Some(Failure::ours("a wildcard needs the challenge dns-01"))
        );
    }
}
