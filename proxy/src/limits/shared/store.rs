//! The shared store as requests see it: a question, and an answer in time or none.

use std::{sync::Arc, time::Instant};

use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::timeout,
};

use super::{Dial, Found, Question, circuit::Circuit, keeper, link::Link, reason};
use crate::{
    config::model::{LimitsStore, OnFailure},
    observe::{StoreCheck, StoreMeters},
};

/// One store of one configuration. Nobody connects before [`Self::start`].
#[derive(Debug)]
pub struct SharedStore {
    pub settings: LimitsStore,
    state: Arc<State>,
    keeper: Mutex<Option<AbortHandle>>,
}

/// The store has not answered, or not in time, or was not asked because it would not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered;

/// What requests and the keeper share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) dial: Dial,
    pub(super) settings: LimitsStore,
    /// Nothing while the store is not asked.
    pub(super) link: RwLock<Option<Link>>,
    pub(super) circuit: Circuit,
    /// Why the link was given up by those who used it.
    pub(super) lost: Mutex<Option<String>>,
    pub(super) given_up: Notify,
    /// Whether the first try to reach the store is over.
    pub(super) tried: watch::Sender<bool>,
    pub(super) meters: Arc<StoreMeters>,
}

impl SharedStore {
    /// The store of `settings`, or `previous` if nothing about it is new.
    pub fn build(
        settings: &LimitsStore,
        dial: Dial,
        meters: Arc<StoreMeters>,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let same = previous.filter(|it| it.settings == *settings && it.state.dial.is(&dial));
        if let Some(same) = same {
            return Arc::clone(same);
        }
        let state = State {
            dial,
            settings: settings.clone(),
            link: RwLock::default(),
            circuit: Circuit::default(),
            lost: Mutex::default(),
            given_up: Notify::new(),
            tried: watch::Sender::new(false),
            meters,
        };
        Arc::new(Self {
            settings: settings.clone(),
            state: Arc::new(state),
            keeper: Mutex::default(),
        })
    }

    pub fn dial(&self) -> &Dial {
        &self.state.dial
    }

    pub fn on_failure(&self) -> OnFailure {
        self.settings.on_failure
    }

    /// Begins to keep a connection, unless that is done already.
    pub fn start(&self) {
        let mut keeper = self.keeper.lock();
        if keeper.is_none() {
            let task = tokio::spawn(keeper::keep(Arc::clone(&self.state)));
            *keeper = Some(task.abort_handle());
        }
    }

    /// Waits until the store has been reached for the first time, or could not be.
    pub async fn tried(&self) {
        let mut tried = self.state.tried.subscribe();
        // The sender is ours, so that it cannot be gone.
        tried.wait_for(|tried| *tried).await.ok();
    }

    /// Closes the connection. Requests that are under way get no answer, and nobody asks any more.
    pub fn retire(&self) {
        if let Some(keeper) = self.keeper.lock().as_ref() {
            keeper.abort();
        }
        *self.state.link.write() = None;
    }

    /// Whether it would be asked just now.
    pub fn is_up(&self) -> bool {
        self.state.link.read().is_some()
    }

    /// What each bucket says of a request: it is counted in all of them that have room for it, unless one that is
    /// binding has none; then in none. Takes the configured timeout at most, and no time while the store is given up.
    pub async fn check(&self, questions: &[Question]) -> Result<Vec<Found>, Unanswered> {
        let state = &self.state;
        let link = state.link.read().clone();
        let Some(link) = link else {
            state.meters.checked(StoreCheck::Skipped);
            return Err(Unanswered);
        };
        // The script takes no question at all for a mistake.
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let (number, began) = (link.number, Instant::now());
        let answer = timeout(state.settings.timeout, link.ask(questions)).await;
        state.meters.took(began.elapsed());
        match answer {
            Ok(Ok(found)) => {
                state.circuit.note(false);
                state.meters.checked(StoreCheck::Ok);
                return Ok(found);
            }
            Ok(Err(error)) => {
                state.meters.checked(StoreCheck::Error);
                if state.circuit.note(true) || error.is_unrecoverable_error() {
                    state.give_up(number, || reason::of_error(&error, &state.dial));
                }
            }
            Err(_elapsed) => {
                state.meters.checked(StoreCheck::Timeout);
                if state.circuit.note(true) {
                    let within = state.settings.timeout;
                    state.give_up(number, || {
                        format!("too many checks took more than {within:?}")
                    });
                }
            }
        }
        Err(Unanswered)
    }
}

impl State {
    /// Whether requests ask by the link of this number.
    pub(super) fn asks_by(&self, number: u64) -> bool {
        let link = self.link.read();
        link.as_ref().is_some_and(|link| link.number == number)
    }

    /// Nobody asks by this link any more. Another may have taken its place already.
    pub(super) fn give_up(&self, number: u64, why: impl FnOnce() -> String) {
        let mut link = self.link.write();
        if link.as_ref().is_some_and(|link| link.number == number) {
            *link = None;
            *self.lost.lock() = Some(why());
            self.given_up.notify_one();
        }
    }
}

impl Drop for SharedStore {
    fn drop(&mut self) {
        self.retire();
    }
}
