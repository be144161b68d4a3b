//! Logging in: passwords are checked beside the workers, few at a time, and nobody's before many others'.

use std::{
    collections::HashMap,
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use aws_lc_rs::{hmac, rand::SystemRandom};
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::timeout,
};

use crate::{
    admit::ClientKey,
    limits::Bucket,
    observe::Metrics,
    policy::{BasicAuth, Credentials, Failures, Login, Mark, Question, Remembered},
};

/// Checks that wait or are under way, at most.
const MOST: usize = 64;
/// And of one client.
const MOST_OF_CLIENT: usize = 8;
/// How long a check may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Memory for all checks together: that of the dearest hash that a file may have.
const MEMORY_KIB: u32 = 256 << 10;
/// Threads that check at the same time at most, where half of the cores are more.
const MOST_THREADS: usize = 8;

/// What the process knows of logins; it outlives reloads.
///
/// The admin endpoint has one of its own: a flood of logins at routes does not keep operators out.
pub struct Logins {
    /// Random, and never told.
    secret: hmac::Key,
    remembered: Mutex<Remembered>,
    failures: Mutex<Failures>,
    under_way: Mutex<UnderWay>,
    turns: Semaphore,
    memory: Semaphore,
    metrics: Arc<Metrics>,
}

/// Checks that wait or are made; who asks the same waits with who asked first.
#[derive(Default)]
struct UnderWay {
    checks: HashMap<Mark, watch::Receiver<Option<Outcome>>>,
    by_client: HashMap<ClientKey, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    /// There was no turn in time, or no memory.
    Unknown,
}

/// One check. Dropped, however it ends, it is no longer under way.
struct Check {
    logins: Arc<Logins>,
    client: ClientKey,
    limit: Bucket,
    question: Question,
    told: watch::Sender<Option<Outcome>>,
    outcome: Outcome,
}

impl Logins {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            secret: secret(),
            remembered: Mutex::default(),
            failures: Mutex::default(),
            under_way: Mutex::default(),
            turns: Semaphore::new((cores / 2).clamp(1, MOST_THREADS)),
            memory: Semaphore::new(MEMORY_KIB as usize),
            metrics,
        }
    }

    /// What becomes of these credentials. A client that was wrong too often learns nothing about any password, not even
    /// whether somebody has just logged in with it.
    pub async fn check(
        self: &Arc<Self>,
        basic_auth: &BasicAuth,
        client: ClientKey,
        credentials: Option<Credentials>,
    ) -> Login {
        let Some(credentials) = credentials else {
            return Login::Bad;
        };
        let limit = basic_auth.failures();
        let now = Instant::now();
        if let Err(wait) = self.failures.lock().wait(client, limit, now) {
            self.metrics.password_checked("limited");
            return Login::TooOften(wait);
        }
        let Some(question) = basic_auth.question(&self.secret, &credentials) else {
            return Login::Bad;
        };
        if question.is_known && self.remembered.lock().has(&question.mark, now) {
            self.metrics.password_checked("remembered");
            return Login::Good(credentials.name().into());
        }
        let name = credentials.name().into();
        let told = match self.begin(client, limit, question, credentials, now) {
            Ok(told) => told,
            Err(login) => return login,
        };
        match outcome(told).await {
            Outcome::Right => Login::Good(name),
            Outcome::Wrong => Login::Bad,
            Outcome::Unknown => Login::Crowded,
        }
    }

    /// Begins a check, or joins the one that is under way for the same. A task of its own sees it through: others may wait for
    /// it when whoever asked first has left.
    fn begin(
        self: &Arc<Self>,
        client: ClientKey,
        limit: Bucket,
        question: Question,
        credentials: Credentials,
        now: Instant,
    ) -> Result<watch::Receiver<Option<Outcome>>, Login> {
        let mut under_way = self.under_way.lock();
        if let Some(same) = under_way.checks.get(&question.mark) {
            return Ok(same.clone());
        }
        let of_client = under_way.by_client.get(&client).copied().unwrap_or(0);
        if under_way.checks.len() >= MOST || of_client >= MOST_OF_CLIENT {
            self.metrics.password_checked("crowded");
            return Err(Login::Crowded);
        }
        if let Err(wait) = self.failures.lock().foresee(client, limit, now) {
            self.metrics.password_checked("limited");
            return Err(Login::TooOften(wait));
        }
        let (told, hears) = watch::channel(None);
        under_way.checks.insert(question.mark, hears.clone());
        under_way.by_client.insert(client, of_client + 1);
        drop(under_way);
        let check = Check {
            logins: Arc::clone(self),
            client,
            limit,
            question,
            told,
            outcome: Outcome::Unknown,
        };
        tokio::spawn(check.make(credentials));
        Ok(hears)
    }
}

#[expect(
    clippy::expect_used,
    reason = "without randomness of the system there is no TLS either, and no process to begin with"
)]
fn secret() -> hmac::Key {
    hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).expect("randomness")
}

/// What is told; unknown if nobody is left to tell it.
async fn outcome(mut told: watch::Receiver<Option<Outcome>>) -> Outcome {
    let heard = told.wait_for(Option::is_some).await;
    heard
        .ok()
        .and_then(|heard| *heard)
        .unwrap_or(Outcome::Unknown)
}

impl Check {
    async fn make(mut self, credentials: Credentials) {
        let logins = Arc::clone(&self.logins);
        let turn = async {
            let memory = self.question.hash.memory_kib().min(MEMORY_KIB);
            // Neither is ever closed.
            let memory = logins.memory.acquire_many(memory).await.ok()?;
            Some((memory, logins.turns.acquire().await.ok()?))
        };
        let Ok(Some(_turn)) = timeout(PATIENCE, turn).await else {
            return;
        };
        let hash = Arc::clone(&self.question.hash);
        let checked = spawn_blocking(move || hash.is_of(credentials.password())).await;
        if let Ok(Ok(is_right)) = checked {
            self.outcome = if is_right && self.question.is_known {
                Outcome::Right
            } else {
                Outcome::Wrong
            };
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let Self {
            logins,
            client,
            question,
            ..
        } = self;
        let now = Instant::now();
        if self.outcome == Outcome::Right {
            logins.remembered.lock().keep(question.mark, now);
        }
        let mut under_way = logins.under_way.lock();
        under_way.checks.remove(&question.mark);
        if let Some(of_client) = under_way.by_client.get_mut(client) {
            *of_client -= 1;
            if *of_client == 0 {
                under_way.by_client.remove(client);
            }
        }
        drop(under_way);
        if self.outcome != Outcome::Wrong {
            logins.failures.lock().forgive(*client, self.limit, now);
        }
        logins.metrics.password_checked(match self.outcome {
            Outcome::Right => "right",
            Outcome::Wrong => "wrong",
            Outcome::Unknown => "crowded",
        });
        self.told.send_replace(Some(self.outcome));
    }
}

#[cfg(test)]
mod tests;
