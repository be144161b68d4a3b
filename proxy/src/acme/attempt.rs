//! One try to obtain a certificate: whose turn it is, which CA and challenge, and what is left to do afterwards.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use instant_acme::Account;
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    Failure, Issuer,
    care::{Care, Renewal},
    failure::{Fault, plain},
    ledger::{Ledger, What},
    order::{self, Job, Obtained},
    setbacks::Setbacks,
    vault::{self, Kept, Stored},
};
use crate::{
    config::model::{Challenge, Name},
    state::Lock,
    tls::{Next, Outlook},
};

/// How long a turn at the CA is waited for before the rest of life goes on.
const TURN: Duration = Duration::from_secs(2);
/// As much for an operator who waits.
const WISHED_TURN: Duration = Duration::from_secs(60);
/// Between tries to write what could not be written.
const SAVING: Duration = Duration::from_secs(5);
/// Times that an order goes on after refused nonces.
const NONCES: u32 = 5;
/// A certificate that begins later than this from now has the wrong date.
const TOMORROW: Duration = Duration::from_secs(24 * 3600);

/// A CA, and how we show it that the hosts are ours.
type Way = (Arc<Issuer>, Challenge);

impl Care {
    /// Orders, unless another process does. `false`: it is not our turn, or it failed.
    pub(super) async fn attempt(&mut self) -> bool {
        self.order(TURN, false).await.is_ok()
    }

    /// Renews now, for whoever asked and for those who ask for the same meanwhile.
    pub(super) async fn grant(&mut self, wish: Renewal) {
        let result = match self.order(WISHED_TURN, true).await {
            Ok(()) => Ok(self.good_news()),
            Err(Obstacle::NotNow(words) | Obstacle::Failed(words)) => Err(words),
        };
        let mut wishes = vec![wish];
        while let Ok(another) = self.wished.try_recv() {
            wishes.push(another);
        }
        for wish in wishes {
            // Whoever asked may have left.
            drop(wish.answer.send(result.clone()));
        }
    }

    async fn order(&mut self, patience: Duration, is_wished: bool) -> Result<(), Obstacle> {
        let ways = self.ways();
        let names: Vec<Name> = ways
            .iter()
            .map(|(issuer, _)| Arc::clone(&issuer.settings.name))
            .collect();
        if names.is_empty() {
            let failure = Failure::ours("no challenge can be used for these hosts");
            return Err(self.fail(&failure, &Arc::clone(&self.issuer), &names));
        }
        let way = self.setbacks.choose(&names, Instant::now()).unwrap_or(0);
        let Some((issuer, challenge)) = ways.get(way) else {
            return Err(Obstacle::NotNow("there is no way to try".to_owned()));
        };
        let Ok(Ok(_turn)) = timeout(patience, issuer.turns.acquire()).await else {
            return Err(Obstacle::NotNow(
                "other orders are under way at this CA".to_owned(),
            ));
        };
        let lock = match self.lock().await {
            Ok(Some(lock)) => lock,
            Ok(None) => {
                return Err(Obstacle::NotNow(
                    "another process obtains it just now".to_owned(),
                ));
            }
            Err(failure) => return Err(self.fail(&failure, issuer, &names)),
        };
        if self.slot.shown().is_none() && self.seen.is_some() {
            // By a clock that is wrong, what is kept may seem to be over. Once asked, the CA tells the time.
            let _ = self.issuer.account(&self.means.state).await;
        }
        self.look().await;
        if !is_wished && self.due() > self.issuer.now() {
            return Ok(()); // the process that held the lock has obtained it
        }
        self.slot.set_outlook(Outlook {
            next: Next::Ordering,
            ..self.slot.outlook()
        });
        let result = self.obtain(issuer, challenge, lock).await;
        result.map_err(|failure| self.fail(&failure, issuer, &names))
    }

    async fn lock(&self) -> Result<Option<Lock>, Failure> {
        let name = format!("certificate-{}", vault::name(&self.slot.hosts));
        let locked = self.means.state.with(move |state| state.lock(&name)).await;
        let locked = locked.and_then(|locked| locked);
        locked.map_err(|error| Failure::disk("the state directory cannot be used", &error))
    }

    async fn obtain(
        &mut self,
        issuer: &Arc<Issuer>,
        challenge: &Challenge,
        _lock: Lock,
    ) -> Result<(), Failure> {
        let used = issuer.account(&self.means.state).await;
        let used = used.map_err(|failure| patiently(failure, issuer))?;
        self.book(issuer, What::Order).await?;
        let shown = self.slot.shown();
        let replaced = shown.as_ref().and_then(|shown| shown.chain.cert.first());
        let has_advice =
            self.advice.window().is_some() && issuer.settings.directory == self.directory;
        let job = Job {
            issuer,
            challenge,
            hosts: &self.slot.hosts,
            replaces: replaced.filter(|_| has_advice),
            answers: &self.means.answers,
            state: &self.means.state,
        };
        let longest = job.longest();
        let result = match timeout(longest, stubbornly(&job)).await {
            Ok(result) => result.and_then(|obtained| sane(obtained, issuer.now())),
            Err(_) => Err(Failure::unreachable(format!(
                "the order was not done within {} s",
                longest.as_secs()
            ))),
        };
        let meters = &self.means.meters;
        meters.ordered(&issuer.settings.name, result.is_ok());
        let obtained = match result {
            Ok(obtained) => obtained,
            Err(failure) => return Err(self.conclude(issuer, &used, failure).await),
        };
        // A ledger that cannot be written is no reason to throw away a certificate.
        let _ = self.book(issuer, What::Issued).await;
        if shown.is_some() {
            self.means.meters.renewed(&vault::name(&self.slot.hosts));
        }
        self.setbacks = Setbacks::default();
        if let Some(words) = issuer.clock() {
            tracing::warn!(hosts = self.hosts(), "{words}");
            self.setbacks.mention(words, None);
        }
        if let Err(failure) = self.keep(obtained).await {
            // It is shown; it will be written when the disk lets us.
            tracing::error!(hosts = self.hosts(), "{}", failure.words);
            self.setbacks.mention(failure.words, Some(failure.fault));
        }
        tracing::info!(hosts = self.hosts(), "{}", self.good_news());
        Ok(())
    }

    /// Writes what was obtained, and shows it, or what is newer on disk.
    async fn keep(&mut self, obtained: Obtained) -> Result<(), Failure> {
        let (state, hosts) = (self.means.state.clone(), self.slot.hosts.clone());
        let (directories, now) = (self.directories(), self.issuer.now());
        let writing = spawn_blocking(move || {
            let Obtained { key, chain, kept } = &obtained;
            let stored = vault::store(&state, &hosts, (key, chain), kept, &directories, now);
            if stored.is_ok() {
                // What it was for is written; until then a process that is killed goes on with it.
                order::forget(&state, &hosts);
            }
            (stored, state.modified(&vault::file(&hosts)), obtained)
        });
        let written = writing.await;
        let (stored, modified, obtained) =
            written.map_err(|error| Failure::ours(error.to_string()))?;
        match stored {
            Ok(Stored::Written) => {
                self.seen = modified;
                self.show(obtained.kept);
                Ok(())
            }
            Ok(Stored::Newer(newer)) => {
                tracing::warn!(
                    hosts = self.hosts(),
                    "a newer certificate is there already; it stays"
                );
                self.seen = modified;
                self.show(newer);
                Ok(())
            }
            Err(error) => {
                self.show(obtained.kept.clone());
                self.unsaved = Some((obtained, Instant::now() + SAVING));
                let words = "the certificate is shown but cannot be written";
                Err(Failure::disk(words, &error))
            }
        }
    }

    /// Writes what could not be written before: the disk may have room again.
    pub(super) async fn save(&mut self) {
        match self.unsaved.take() {
            Some((obtained, at)) if at <= Instant::now() => match self.keep(obtained).await {
                Ok(()) => {
                    tracing::info!(hosts = self.hosts(), "the certificate is written at last");
                    self.setbacks = Setbacks::default();
                }
                Err(failure) => self.setbacks.mention(failure.words, Some(failure.fault)),
            },
            not_yet => self.unsaved = not_yet,
        }
    }

    /// Every CA and challenge that may be tried, in their order.
    fn ways(&self) -> Vec<Way> {
        let only_wildcards = self.slot.hosts.iter().all(|host| host.starts_with("*."));
        let mut ways = Vec::new();
        for issuer in self.issuer.with_fallbacks() {
            for challenge in &issuer.settings.challenges {
                if !only_wildcards || matches!(challenge, Challenge::Dns01(_)) {
                    ways.push((Arc::clone(issuer), challenge.clone()));
                }
            }
        }
        ways
    }

    /// Writes into the CA's ledger; an order beyond the limits is refused.
    async fn book(&self, issuer: &Issuer, what: What) -> Result<(), Failure> {
        let set = vault::set(&self.slot.hosts);
        Ledger::book(&self.means.state, issuer, what, &set).await
    }

    /// What a failed order leaves to do before the next one.
    async fn conclude(&self, issuer: &Issuer, used: &Account, mut failure: Failure) -> Failure {
        failure = patiently(failure, issuer);
        match failure.fault {
            // A ledger that cannot be written is told of with the next order.
            Fault::Refused => drop(self.book(issuer, What::Failed).await),
            Fault::Account => {
                if let Err(further) = issuer.doubt_account(used, &self.means.state).await {
                    return further;
                }
            }
            _ => {}
        }
        if let Some(words) = issuer.clock() {
            failure.words = plain(&format!("{} ({words})", failure.words));
        }
        failure
    }

    fn fail(&mut self, failure: &Failure, issuer: &Issuer, ways: &[Name]) -> Obstacle {
        self.means.meters.failed(&vault::name(&self.slot.hosts));
        let (now, at) = (Instant::now(), issuer.now());
        let issuer = &issuer.settings.name;
        self.setbacks
            .note(failure, issuer, ways, (now, at), fastrand::f64());
        let rest = self
            .setbacks
            .rest()
            .map(|rest| rest.saturating_duration_since(now));
        let seconds = rest.unwrap_or_default().as_secs();
        let failures = self.setbacks.failures();
        tracing::warn!(hosts = self.hosts(), %issuer, failures,
            "no certificate: {}; the next try is in {seconds} s", failure.words);
        Obstacle::Failed(failure.words.clone())
    }

    fn good_news(&self) -> String {
        match self.slot.shown() {
            Some(shown) => format!(
                "a certificate by {} is in force until {}",
                shown.facts.issuer,
                httpdate::fmt_http_date(shown.facts.not_after)
            ),
            None => "there is no certificate".to_owned(),
        }
    }
}

/// Why nothing was obtained, in words.
enum Obstacle {
    /// Somebody else is at it; nothing is wrong.
    NotNow(String),
    Failed(String),
}

/// With the patience that the CA asked for, if it did.
fn patiently(failure: Failure, issuer: &Issuer) -> Failure {
    Failure {
        not_before: failure.not_before.max(issuer.take_patience()),
        ..failure
    }
}

/// Goes on where the CA has refused nothing but a nonce; instant-acme gives up after the third.
async fn stubbornly(job: &Job<'_>) -> Result<Obtained, Failure> {
    let mut result = job.run().await;
    for _ in 0..NONCES {
        match &result {
            Err(failure) if failure.fault == Fault::Nonce => result = job.run().await,
            _ => break,
        }
    }
    result
}

/// A certificate that is over, or begins in the future, does not take the place of a good one.
fn sane(obtained: Obtained, now: SystemTime) -> Result<Obtained, Failure> {
    let Kept { shown, .. } = &obtained.kept;
    let (begin, end) = (shown.facts.not_before, shown.facts.not_after);
    let written = crate::tls::written;
    if end <= now {
        return Err(Failure::refused(format!(
            "the CA's certificate has ended already, on {}",
            written(end)
        )));
    }
    if begin > now + TOMORROW {
        return Err(Failure::refused(format!(
            "the CA's certificate begins on {} only",
            written(begin)
        )));
    }
    Ok(obtained)
}
