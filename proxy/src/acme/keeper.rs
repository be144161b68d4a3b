//! Keeps every certificate of the configuration that a CA issues: one task each, from first start to every
//! renewal, for as long as the configuration names it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Answers, Issuer,
    care::{Care, Renewal},
};
use crate::{observe::IssuerMeters, state::State, tls::Slot};

/// Wishes for a renewal that wait at one certificate; further ones are told so.
const WISHES: usize = 8;

/// A certificate that a CA issues, as a snapshot has it.
#[derive(Clone, Debug)]
pub struct Managed {
    pub slot: Arc<Slot>,
    pub issuer: Arc<Issuer>,
}

/// What the tasks need beside their certificate.
#[derive(Clone)]
pub struct Means {
    pub state: State,
    pub answers: Arc<Answers>,
    pub meters: Arc<IssuerMeters>,
}

/// Every task; they end with it.
#[derive(Default)]
pub struct Keeper {
    tasks: Mutex<Vec<Task>>,
}

struct Task {
    managed: Managed,
    wishes: mpsc::Sender<Renewal>,
    running: JoinHandle<()>,
}

impl Keeper {
    /// Takes care of these certificates, and of no others. What is unchanged goes on undisturbed.
    ///
    /// Must be called within a tokio runtime.
    pub fn follow(&self, managed: &[Managed], means: Option<&Means>) {
        let mut tasks = self.tasks.lock();
        tasks.retain(|task| managed.iter().any(|managed| managed.is_same(&task.managed)));
        let Some(means) = means else { return };
        for managed in managed {
            if !tasks.iter().any(|task| task.managed.is_same(managed)) {
                tasks.push(Task::start(managed.clone(), means.clone()));
            }
        }
    }

    /// Renews the certificate for `host` now, and says what came of it.
    pub async fn renew(&self, host: &str) -> Result<String, String> {
        let wishes = {
            let tasks = self.tasks.lock();
            let of_host = |task: &&Task| task.managed.slot.hosts.iter().any(|of| of == host);
            tasks.iter().find(of_host).map(|task| task.wishes.clone())
        };
        let wishes =
            wishes.ok_or_else(|| format!("no certificate for {host} is obtained by ACME"))?;
        let (answer, answered) = oneshot::channel();
        let sent = wishes.try_send(Renewal { answer });
        sent.map_err(|_full| "others ask for the same already".to_owned())?;
        let answered = answered.await;
        answered.unwrap_or_else(|_gone| Err("the configuration has changed meanwhile".to_owned()))
    }

    /// Gives the account at the CA of this name another key.
    pub async fn roll_over(&self, name: &str, means: Option<&Means>) -> Result<String, String> {
        let issuer = {
            let tasks = self.tasks.lock();
            let mut issuers = tasks
                .iter()
                .flat_map(|task| task.managed.issuer.with_fallbacks());
            issuers
                .find(|issuer| &*issuer.settings.name == name)
                .cloned()
        };
        let (Some(issuer), Some(means)) = (issuer, means) else {
            return Err(format!("no certificate is obtained from {name}"));
        };
        match issuer.roll_over(&means.state).await {
            Ok(()) => Ok(format!("the account at {name} has a new key")),
            Err(failure) => Err(failure.words),
        }
    }
}

impl Managed {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.slot, &other.slot) && Arc::ptr_eq(&self.issuer, &other.issuer)
    }
}

impl Task {
    fn start(managed: Managed, means: Means) -> Self {
        let (wishes, queue) = mpsc::channel(WISHES);
        let care = Care::new(managed.clone(), means, queue);
        Self {
            managed,
            wishes,
            running: tokio::spawn(care.run()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.running.abort();
    }
}
