//! Keeps every certificate of the configuration that a CA issues: one task each, from first start to every
//! renewal, for as long as the configuration names it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
};

use super::{
    Answers, Fault, Issuer,
    care::{Care, Renewal},
    lookout::{Lookout, Sight},
};
use crate::{
    observe::IssuerMeters,
    state::State,
    tls::{Next, Outlook, Slot},
};

/// Wishes for a renewal that wait at one certificate; further ones are told so.
const WISHES: usize = 8;
/// After a fault of ours.
const RESTART: Duration = Duration::from_secs(60);
/// The directories that the tasks write.
const WRITTEN: [&str; 4] = ["accounts", "certificates", "challenges", "orders"];

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
    lookout: Mutex<Option<Lookout>>,
}

/// Where wishes go; another queue after a failure of ours.
type Wishes = Arc<Mutex<mpsc::Sender<Renewal>>>;

struct Task {
    managed: Managed,
    wishes: Wishes,
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
        sweep(means);
        let sight = {
            let mut lookout = self.lookout.lock();
            let lookout = lookout.get_or_insert_with(|| Lookout::start(means.state.clone()));
            lookout.sight()
        };
        for managed in managed {
            if !tasks.iter().any(|task| task.managed.is_same(managed)) {
                tasks.push(Task::start(managed.clone(), means.clone(), sight.clone()));
            }
        }
    }

    /// Renews the certificate for `host` now, and says what came of it.
    pub async fn renew(&self, host: &str) -> Result<String, String> {
        let wishes = {
            let tasks = self.tasks.lock();
            let of_host = |task: &&Task| task.managed.slot.hosts.iter().any(|of| of == host);
            tasks
                .iter()
                .find(of_host)
                .map(|task| task.wishes.lock().clone())
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

/// Removes what killed processes left behind, in its own time.
fn sweep(means: &Means) {
    let answers = Arc::clone(&means.answers);
    let state = means.state.clone();
    tokio::task::spawn_blocking(move || {
        let now = SystemTime::now();
        for directory in WRITTEN {
            state.sweep(directory, now);
        }
        answers.sweep(now);
    });
}

impl Managed {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.slot, &other.slot) && Arc::ptr_eq(&self.issuer, &other.issuer)
    }
}

impl Task {
    fn start(managed: Managed, means: Means, sight: watch::Receiver<Sight>) -> Self {
        let (wishes, queue) = mpsc::channel(WISHES);
        let wishes = Arc::new(Mutex::new(wishes));
        let running = supervise(managed.clone(), means, sight, (Arc::clone(&wishes), queue));
        Self {
            managed,
            wishes,
            running: tokio::spawn(running),
        }
    }
}

/// Starts the care of a certificate again if a fault of ours has ended it: no answer of a CA may keep a
/// certificate from being renewed for ever.
async fn supervise(
    managed: Managed,
    means: Means,
    sight: watch::Receiver<Sight>,
    (wishes, mut queue): (Wishes, mpsc::Receiver<Renewal>),
) {
    loop {
        let mut running = JoinSet::new(); // ends what runs in it when this task is ended
        let care = Care::new(managed.clone(), means.clone(), sight.clone(), queue);
        running.spawn(care.run());
        let ended = running.join_next().await;
        let why = match ended {
            Some(Err(error)) => error.to_string(),
            _ => "it ended".to_owned(),
        };
        let hosts = managed.slot.hosts.join(" ");
        tracing::error!(
            hosts,
            "the care of a certificate failed within simplon, please report it: {why}"
        );
        managed.slot.set_outlook(Outlook {
            next: Next::Retry(SystemTime::now() + RESTART),
            problem: Some("simplon itself failed; its log says where".to_owned()),
            reason: Some(Fault::Ours.label()),
            ..managed.slot.outlook()
        });
        tokio::time::sleep(RESTART).await;
        let (sender, receiver) = mpsc::channel(WISHES);
        *wishes.lock() = sender;
        queue = receiver;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.running.abort();
    }
}
