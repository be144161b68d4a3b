//! The life of one certificate: adopt what is on disk, ask the CA for advice, renew in time, rest after failures.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    Failure, Issuer,
    advice::Advice,
    failure::Fault,
    keeper::{Managed, Means},
    ledger::{Ledger, What},
    order::{Job, Obtained},
    schedule, vault,
    vault::{Kept, Stored},
};
use crate::{
    config::model::Challenge,
    state::Lock,
    tls::{Facts, Next, Outlook, Slot},
};

/// Between looks at the clock and the disk, where other nodes leave what they obtain.
const TICK: Duration = Duration::from_secs(2);
/// Times that an order goes on after refused nonces.
const NONCES: u32 = 5;
/// Of one order, with everything it waits for.
const LONGEST: Duration = Duration::from_secs(900);

/// An operator's wish to renew now.
pub(super) struct Renewal {
    pub(super) answer: oneshot::Sender<Result<String, String>>,
}

pub(super) struct Care {
    slot: Arc<Slot>,
    issuer: Arc<Issuer>,
    means: Means,
    wished: mpsc::Receiver<Renewal>,
    /// The CA that issued what is shown, and when the file was written.
    directory: String,
    seen: Option<SystemTime>,
    advice: Advice,
    failures: u32,
    problem: Option<String>,
    retry: Option<SystemTime>,
    /// What was obtained and could not be written yet.
    unsaved: Option<Obtained>,
}

impl Care {
    pub(super) fn new(managed: Managed, means: Means, wished: mpsc::Receiver<Renewal>) -> Self {
        Self {
            slot: managed.slot,
            issuer: managed.issuer,
            means,
            wished,
            directory: String::new(),
            seen: None,
            advice: Advice::default(),
            failures: 0,
            problem: None,
            retry: None,
            unsaved: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.adopt().await;
            self.save().await;
            self.expire();
            self.take_advice().await;
            let due = self.due();
            let now = self.issuer.now();
            if due <= now && self.attempt(None).await {
                continue;
            }
            self.tell(self.due());
            let wait = due.duration_since(now).unwrap_or(TICK).min(TICK);
            tokio::select! {
                () = tokio::time::sleep(wait.max(Duration::from_millis(50))) => {}
                Some(renewal) = self.wished.recv() => {
                    self.attempt(Some(renewal)).await;
                }
            }
        }
    }

    /// When the next order is due: at once while there is nothing good to show.
    fn due(&self) -> SystemTime {
        let due = match self.slot.shown() {
            Some(shown) if self.is_ours() && self.covers_all(&shown.facts) => schedule::renewal(
                &shown.facts,
                self.advice.window(),
                schedule::spread(&shown.chain),
            ),
            _ => SystemTime::UNIX_EPOCH,
        };
        self.retry.map_or(due, |retry| due.max(retry))
    }

    /// Whether what is shown came from the CA of the configuration, or from one that stands in for it.
    fn is_ours(&self) -> bool {
        let mut issuers = self.issuer.with_fallbacks();
        issuers.any(|issuer| issuer.settings.directory == self.directory)
    }

    fn tell(&self, due: SystemTime) {
        self.slot.set_outlook(Outlook {
            next: match self.retry {
                Some(retry) => Next::Retry(retry),
                // Another process holds the lock, and obtains it.
                None if due <= self.issuer.now() => Next::Ordering,
                None => Next::Renew(due),
            },
            failures: self.failures,
            problem: self.problem.clone(),
            window: self.advice.window(),
            ..Outlook::default()
        });
    }

    /// Shows what lies on disk if it is newer: another process or node may have been quicker.
    async fn adopt(&mut self) {
        let (state, hosts) = (self.means.state.clone(), self.slot.hosts.clone());
        let seen = self.seen;
        let look = tokio::task::spawn_blocking(move || {
            let modified = state.modified(&vault::file(&hosts));
            (modified != seen).then(|| (modified, vault::kept(&state, &hosts)))
        });
        if let Ok(Some((modified, kept))) = look.await {
            self.seen = modified;
            if let Some(kept) = kept {
                self.consider(kept);
            }
        }
    }

    fn consider(&mut self, kept: Kept) {
        let before = self.slot.shown();
        let facts = &kept.shown.facts;
        let is_of_use = match before {
            Some(_) => self.covers_all(facts),
            None => self.slot.hosts.iter().any(|host| facts.covers(host)),
        };
        if !is_of_use || !vault::lives(facts, self.issuer.now()) {
            return;
        }
        let is_newer = before.as_ref().is_none_or(|before| {
            kept.shown.facts.not_before >= before.facts.not_before || !self.is_ours()
        });
        if is_newer {
            let is_other =
                before.is_none_or(|before| before.facts.serial != kept.shown.facts.serial);
            self.show(kept);
            if is_other {
                self.succeed();
            }
        }
    }

    fn show(&mut self, kept: Kept) {
        let Kept { shown, directory } = kept;
        let covers_all = self.covers_all(&shown.facts);
        self.directory = directory;
        self.advice.begin(&shown.facts);
        self.slot.show(shown);
        if covers_all {
            self.slot.set_temporary(None);
        }
    }

    fn covers_all(&self, facts: &Facts) -> bool {
        self.slot.hosts.iter().all(|host| facts.covers(host))
    }

    fn succeed(&mut self) {
        (self.failures, self.retry, self.problem) = (0, None, None);
    }

    /// Writes what could not be written before: the disk may have room again.
    async fn save(&mut self) {
        if let Some(obtained) = self.unsaved.take() {
            match self.keep(obtained).await {
                Ok(()) => self.problem = None,
                Err(failure) => self.problem = Some(failure.words),
            }
        }
    }

    /// What is over is not shown any more; a temporary certificate tells the truth at least.
    fn expire(&self) {
        let Some(shown) = self.slot.shown() else {
            return;
        };
        if vault::lives(&shown.facts, self.issuer.now()) {
            return;
        }
        tracing::error!(
            hosts = self.hosts(),
            "the certificate has expired; a temporary one takes its place"
        );
        match crate::tls::temporary(&self.slot.hosts) {
            Ok(temporary) => {
                self.slot.set_temporary(Some(temporary));
                self.slot.withdraw();
            }
            Err(error) => tracing::error!("no temporary certificate can be made: {error}"),
        }
    }

    async fn take_advice(&mut self) {
        let Some(shown) = self.slot.shown() else {
            return;
        };
        let now = self.issuer.now();
        if !self.advice.is_due(now) {
            return;
        }
        let mut issuers = self.issuer.with_fallbacks();
        let issuer = issuers.find(|issuer| issuer.settings.directory == self.directory);
        if let (Some(issuer), Some(leaf)) = (issuer, shown.chain.cert.first()) {
            self.advice.ask(issuer, &self.means.state, leaf, now).await;
        }
    }

    /// Orders, unless another process does, and deals with what comes of it. `false`: it is not our turn.
    async fn attempt(&mut self, wish: Option<Renewal>) -> bool {
        let name = format!("certificate-{}", vault::name(&self.slot.hosts));
        let lock = match self.means.state.lock(&name) {
            Ok(Some(lock)) => lock,
            Ok(None) => {
                answer(wish, Err("another process obtains it just now".to_owned()));
                return false;
            }
            Err(error) => {
                let failure = Failure::disk("the state directory cannot be used", &error);
                self.fail(&failure);
                answer(wish, Err(failure.words));
                return false;
            }
        };
        if self.slot.shown().is_none() && self.seen.is_some() {
            // By a clock that is wrong, what is kept may seem to be over. Once asked, the CA tells the time.
            let _ = self.issuer.account(&self.means.state).await;
            self.seen = None;
        }
        self.adopt().await;
        if wish.is_none() && self.due() > self.issuer.now() {
            return true; // the process that held the lock has obtained it
        }
        self.slot.set_outlook(Outlook {
            next: Next::Ordering,
            ..self.slot.outlook()
        });
        let result = self.obtain(lock).await;
        match &result {
            Ok(()) => answer(wish, Ok(self.good_news())),
            Err(failure) => {
                self.fail(failure);
                answer(wish, Err(failure.words.clone()));
            }
        }
        result.is_ok()
    }

    async fn obtain(&mut self, _lock: Lock) -> Result<(), Failure> {
        let ways = self.ways();
        let Some((issuer, challenge)) = ways.get(schedule::way(self.failures, ways.len())).cloned()
        else {
            return Err(Failure::ours("no challenge can be used for these hosts"));
        };
        let turns = issuer.turns.acquire().await;
        let _turn = turns.map_err(|error| Failure::ours(error.to_string()))?;
        self.book(&issuer, What::Order).await?;
        let shown = self.slot.shown();
        let replaced = shown.as_ref().and_then(|shown| shown.chain.cert.first());
        let has_advice =
            self.advice.window().is_some() && issuer.settings.directory == self.directory;
        let job = Job {
            issuer: &issuer,
            challenge: &challenge,
            hosts: &self.slot.hosts,
            replaces: replaced.filter(|_| has_advice),
            answers: &self.means.answers,
            state: &self.means.state,
        };
        let result = match tokio::time::timeout(LONGEST, stubbornly(&job)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::unreachable(format!(
                "the order was not done within {} s",
                LONGEST.as_secs()
            ))),
        };
        self.means
            .meters
            .ordered(&issuer.settings.name, result.is_ok());
        let obtained = match result {
            Ok(obtained) => obtained,
            Err(failure) => return Err(self.conclude(&issuer, failure).await),
        };
        // A ledger that cannot be written is no reason to throw away a certificate.
        let _ = self.book(&issuer, What::Issued).await;
        if shown.is_some() {
            self.means.meters.renewed(&vault::name(&self.slot.hosts));
        }
        self.succeed();
        if let Some(words) = issuer.clock() {
            tracing::warn!(hosts = self.hosts(), "{words}");
            self.problem = Some(words);
        }
        if let Err(failure) = self.keep(obtained).await {
            // It is shown; it will be written when the disk lets us.
            tracing::error!(hosts = self.hosts(), "{}", failure.words);
            self.problem = Some(failure.words);
        }
        tracing::info!(hosts = self.hosts(), "{}", self.good_news());
        Ok(())
    }

    /// Writes what was obtained, and shows it, or what is newer on disk.
    async fn keep(&mut self, obtained: Obtained) -> Result<(), Failure> {
        let (state, hosts) = (self.means.state.clone(), self.slot.hosts.clone());
        let writing = tokio::task::spawn_blocking(move || {
            let Obtained { key, chain, kept } = &obtained;
            let stored = vault::store(&state, &hosts, key, chain, kept);
            (stored, state.modified(&vault::file(&hosts)), obtained)
        });
        let (stored, modified, obtained) = writing
            .await
            .map_err(|error| Failure::ours(error.to_string()))?;
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
                self.unsaved = Some(obtained);
                Err(Failure::disk(
                    "the certificate is shown but cannot be written",
                    &error,
                ))
            }
        }
    }

    /// Every CA and challenge that may be tried, in their order.
    fn ways(&self) -> Vec<(Arc<Issuer>, Challenge)> {
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
    async fn conclude(&self, issuer: &Issuer, mut failure: Failure) -> Failure {
        let patience = issuer.take_patience();
        failure.not_before = failure.not_before.max(patience);
        match failure.fault {
            // A ledger that cannot be written is told of with the next order.
            Fault::Refused => drop(self.book(issuer, What::Failed).await),
            Fault::Account => {
                if let Err(further) = super::account::put_aside(issuer, &self.means.state).await {
                    return further;
                }
            }
            _ => {}
        }
        if let Some(words) = issuer.clock() {
            failure.words = format!("{} ({words})", failure.words);
        }
        failure
    }

    fn fail(&mut self, failure: &Failure) {
        // Our own limits are no failure of a way to prove a host.
        if failure.fault != Fault::Limited {
            self.failures = self.failures.saturating_add(1);
        }
        self.means.meters.failed(&vault::name(&self.slot.hosts));
        let ways = u32::try_from(self.ways().len()).unwrap_or(u32::MAX);
        let now = self.issuer.now();
        let retry = now + schedule::rest(self.failures, ways, fastrand::f64());
        let retry = failure
            .not_before
            .map_or(retry, |not_before| retry.max(not_before));
        let rest = retry.duration_since(now).unwrap_or_default();
        tracing::warn!(hosts = self.hosts(), issuer = %self.issuer.settings.name, failures = self.failures,
            "no certificate: {}; the next try is in {} s", failure.words, rest.as_secs());
        self.retry = Some(retry);
        self.problem = Some(failure.words.clone());
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

    fn hosts(&self) -> String {
        self.slot.hosts.join(" ")
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

fn answer(wish: Option<Renewal>, result: Result<String, String>) {
    if let Some(wish) = wish {
        // Whoever asked may have left.
        drop(wish.answer.send(result));
    }
}
