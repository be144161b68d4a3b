//! The life of one certificate: adopt what is on disk, renew in time, ask the CA for advice, rest after failures.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
};

use super::{
    Fault, Issuer,
    advice::Advice,
    keeper::{Managed, Means},
    lookout::Sight,
    order::Obtained,
    schedule,
    setbacks::Setbacks,
    vault::{self, Kept},
};
use crate::tls::{self, Facts, Next, Outlook, Slot};

/// Between looks at the clock.
const TICK: Duration = Duration::from_secs(2);
/// A temporary certificate lasts a week; it is made anew before.
const TEMPORARY: Duration = Duration::from_secs(3 * 24 * 3600);

/// An operator's wish to renew now.
pub(super) struct Renewal {
    pub(super) answer: oneshot::Sender<Result<String, String>>,
}

pub(super) struct Care {
    pub(super) slot: Arc<Slot>,
    pub(super) issuer: Arc<Issuer>,
    pub(super) means: Means,
    pub(super) wished: mpsc::Receiver<Renewal>,
    /// When files were last replaced, as far as the lookout has seen.
    sight: watch::Receiver<Sight>,
    /// The CA that issued what is shown.
    pub(super) directory: String,
    /// When the file that was last read had been written.
    pub(super) seen: Option<SystemTime>,
    has_looked: bool,
    pub(super) advice: Advice,
    pub(super) setbacks: Setbacks,
    /// What was obtained and could not be written yet, and when that is tried again.
    pub(super) unsaved: Option<(Obtained, Instant)>,
    /// Since when a temporary certificate may have been shown.
    temporary_since: Instant,
}

impl Care {
    pub(super) fn new(
        managed: Managed,
        means: Means,
        sight: watch::Receiver<Sight>,
        wished: mpsc::Receiver<Renewal>,
    ) -> Self {
        Self {
            slot: managed.slot,
            issuer: managed.issuer,
            means,
            wished,
            sight,
            directory: String::new(),
            seen: None,
            has_looked: false,
            advice: Advice::default(),
            setbacks: Setbacks::default(),
            unsaved: None,
            temporary_since: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.adopt().await;
            self.save().await;
            self.expire();
            let is_due = self.due() <= self.issuer.now();
            if is_due && self.setbacks.may_try(Instant::now()) && self.attempt().await {
                continue;
            }
            self.take_advice().await;
            self.tell();
            let wait = self.due().duration_since(self.issuer.now());
            let wait = wait.unwrap_or(TICK).clamp(Duration::from_millis(50), TICK);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                Some(wish) = self.wished.recv() => self.grant(wish).await,
            }
        }
    }

    /// When the next order is due: at once while there is nothing good to show.
    pub(super) fn due(&self) -> SystemTime {
        match self.slot.shown() {
            Some(shown) if self.is_ours() && self.covers_all(&shown.facts) => {
                let spread = schedule::spread(&shown.chain);
                schedule::renewal(&shown.facts, self.advice.window(), spread)
            }
            _ => SystemTime::UNIX_EPOCH,
        }
    }

    /// Whether what is shown came from the CA of the configuration, or from one that stands in for it.
    fn is_ours(&self) -> bool {
        self.directories().contains(&self.directory)
    }

    /// The CAs that may issue it, by the URLs of their directories.
    pub(super) fn directories(&self) -> Vec<String> {
        let issuers = self.issuer.with_fallbacks();
        issuers
            .map(|issuer| issuer.settings.directory.clone())
            .collect()
    }

    pub(super) fn tell(&self) {
        let due = self.due();
        let rest = self.setbacks.rest();
        let next = match rest {
            Some(rest) => {
                let left = rest.saturating_duration_since(Instant::now());
                Next::Retry(SystemTime::now() + left)
            }
            // Another process holds the lock, and obtains it; or it waits for its turn.
            None if due <= self.issuer.now() => Next::Ordering,
            None => Next::Renew(due),
        };
        self.slot.set_outlook(Outlook {
            next,
            failures: self.setbacks.failures(),
            problem: self.setbacks.problem().cloned(),
            window: self.advice.window(),
            reason: self.setbacks.fault().map(Fault::label),
        });
    }

    /// Shows what lies on disk if the lookout has seen something new, or nothing is shown.
    async fn adopt(&mut self) {
        let file = format!("{}.pem", vault::name(&self.slot.hosts));
        let seen = self.sight.borrow().get(&file).copied();
        if !self.has_looked || self.slot.shown().is_none() || seen != self.seen {
            self.has_looked = true;
            self.look().await;
        }
    }

    /// Shows what lies on disk if it is newer: another process or node may have been quicker.
    pub(super) async fn look(&mut self) {
        let (state, hosts) = (self.means.state.clone(), self.slot.hosts.clone());
        let look = spawn_blocking(move || {
            let modified = state.modified(&vault::file(&hosts));
            (modified, vault::kept(&state, &hosts))
        });
        if let Ok((modified, kept)) = look.await {
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
        if !is_of_use || !self.lives(facts) {
            return;
        }
        let is_newer = before
            .as_ref()
            .is_none_or(|before| facts.not_before >= before.facts.not_before || !self.is_ours());
        if is_newer {
            let is_other = before.is_none_or(|before| before.facts.serial != facts.serial);
            self.show(kept);
            if is_other {
                self.setbacks = Setbacks::default();
            }
        }
    }

    pub(super) fn show(&mut self, kept: Kept) {
        let Kept { shown, directory } = kept;
        self.directory = directory;
        let before = self.slot.shown();
        if before.is_some_and(|before| before.facts.serial == shown.facts.serial)
            && self.advice.is_of(&shown.facts)
        {
            return;
        }
        let covers_all = self.covers_all(&shown.facts);
        self.advice.begin(&shown.facts);
        self.slot.show(shown);
        if covers_all {
            self.slot.set_temporary(None);
        }
    }

    pub(super) fn covers_all(&self, facts: &Facts) -> bool {
        self.slot.hosts.iter().all(|host| facts.covers(host))
    }

    /// Over is what is over by our clock and by the CA's: one of the two may be wrong.
    fn lives(&self, facts: &Facts) -> bool {
        vault::lives(facts, SystemTime::now()) || vault::lives(facts, self.issuer.now())
    }

    /// What is over is not shown any more; a temporary certificate tells the truth at least.
    fn expire(&mut self) {
        let is_over = self
            .slot
            .shown()
            .is_some_and(|shown| !self.lives(&shown.facts));
        let is_old = self.slot.shown().is_none() && self.temporary_since.elapsed() > TEMPORARY;
        if !is_over && !is_old {
            return;
        }
        match tls::temporary(&self.slot.hosts) {
            Ok(temporary) => {
                self.temporary_since = Instant::now();
                self.slot.set_temporary(Some(temporary));
            }
            Err(error) => tracing::error!("no temporary certificate can be made: {error}"),
        }
        if is_over {
            let hosts = self.hosts();
            tracing::error!(
                hosts,
                "the certificate has expired; a temporary one takes its place"
            );
            self.slot.withdraw();
        }
    }

    async fn take_advice(&mut self) {
        let Some(shown) = self.slot.shown() else {
            return;
        };
        if !self.advice.is_due(Instant::now()) {
            return;
        }
        let mut issuers = self.issuer.with_fallbacks();
        let issuer = issuers.find(|issuer| issuer.settings.directory == self.directory);
        if let (Some(issuer), Some(leaf)) = (issuer, shown.chain.cert.first()) {
            self.advice.ask(issuer, &self.means.state, leaf).await;
        }
    }

    pub(super) fn hosts(&self) -> String {
        self.slot.hosts.join(" ")
    }
}
