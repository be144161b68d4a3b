//! Requests that wait for a place at a server of one upstream, first come first served.
//!
//! A place is given from hand to hand: whoever leaves it picks, under the lock of the line, for the first who waits and
//! can use it, and sends the pick. So no wake-up is lost: a pick for someone who has just left is dropped, and a pick that
//! is dropped gives its place to the next. Time is asked here, as a place may come free at any time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time};

use super::{
    server::{Pick, Server},
    set::Tried,
    upstream::Upstream,
    vitals::Counter,
};
use crate::{config::model, respond::Refusal};

/// How often the first of a line looks for what nobody tells it, such as the end of an ejection.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Those who wait. One for all generations of an upstream: each who waits sees the servers of its own snapshot.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// No fewer than stand in line. Who leaves a place reads it instead of taking the lock.
    waiting: AtomicUsize,
    lines: Mutex<Lines>,
    max: AtomicU64,
    total: Counter,
    timed_out: Counter,
}

/// The numbers of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueNumbers {
    /// Requests that wait now.
    pub current: u64,
    /// As many waited at a time, since start.
    pub max: u64,
    /// As many may wait; `None` if nobody does.
    pub limit: Option<u32>,
    /// Requests that had to wait, since start.
    pub total: u64,
    /// Those of them that waited in vain.
    pub timed_out: u64,
}

/// What comes of a request for a server.
#[derive(Debug)]
pub enum Picked {
    AtOnce(Pick),
    InTurn(Waiting),
}

/// A request in line. Dropping it leaves the line, and gives a place that was on its way to the next.
#[derive(Debug)]
pub struct Waiting {
    queue: Arc<Queue>,
    line: Line,
    ticket: u64,
    until: time::Instant,
    answer: oneshot::Receiver<Answer>,
}

type Answer = Result<Pick, Refusal>;

/// For which places one waits: [`ANY`], or those of one server, by where its vitals are.
type Line = usize;

const ANY: Line = 0;

#[derive(Debug, Default)]
struct Lines {
    /// By line, and by age in it.
    waiters: BTreeMap<(Line, u64), Waiter>,
    next_ticket: u64,
    /// The newest generation that anyone in line was of.
    newest: u64,
}

#[derive(Debug)]
struct Waiter {
    upstream: Arc<Upstream>,
    /// The server it waits for; nothing if it waits for any.
    kept: Option<usize>,
    tried: Tried,
    answer: oneshot::Sender<Answer>,
}

/// Answers to be sent once the lock is free: sending may drop a pick, which takes the lock.
#[derive(Default)]
struct Answers(Vec<(oneshot::Sender<Answer>, Answer)>);

impl Queue {
    /// A place at this server has come free.
    pub(super) fn freed(&self, server: &Server) {
        // Who waits has counted itself before it looked for a place, so one of us sees the other.
        if self.waiting.load(SeqCst) > 0 {
            self.serve(|lines, answers| lines.give(line_of(server), answers, Instant::now()));
        }
    }

    /// Something may have made room, or taken it, for any number of requests.
    pub(super) fn look(&self) {
        if self.waiting.load(SeqCst) > 0 {
            self.serve(|lines, answers| lines.look(answers, Instant::now()));
        }
    }

    pub(super) fn is_waited_in(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    pub(super) fn numbers(&self, limit: Option<u32>) -> QueueNumbers {
        QueueNumbers {
            current: self.lines.lock().waiters.len() as u64,
            max: self.max.load(Relaxed),
            limit,
            total: self.total.get(),
            timed_out: self.timed_out.get(),
        }
    }

    /// Stands in line by this rule, unless nobody does and there is a place after all.
    pub(super) fn join(
        self: &Arc<Self>,
        rule: &model::Queue,
        upstream: &Arc<Upstream>,
        kept: Option<usize>,
        tried: &Tried,
        now: Instant,
    ) -> Result<Picked, Refusal> {
        let (sender, answer) = oneshot::channel();
        let mut answers = Answers::default();
        let mut lines = self.lines.lock();
        self.waiting.fetch_add(1, SeqCst);
        fence(SeqCst); // what is in flight is read after this; see `freed`
        let own = upstream.kept(kept, tried, now);
        let line = own.map_or(ANY, line_of);
        let is_first = lines.first(line).is_none();
        // A try after the first may go where those before it in line may not: to a backup, as their servers are but full.
        if is_first || !tried.is_empty() {
            match upstream.pick_if_free(kept, tried, now) {
                Err(Refusal::Saturated) => {}
                done => {
                    self.waiting.fetch_sub(1, SeqCst);
                    return done.map(Picked::AtOnce);
                }
            }
        }
        if lines.waiters.len() >= rule.size.get() as usize {
            self.waiting.fetch_sub(1, SeqCst);
            // Better another server than none for a kept client.
            let elsewhere = (line != ANY).then(|| upstream.pick_anew(tried, now));
            return match elsewhere {
                Some(Ok(pick)) => Ok(Picked::AtOnce(pick)),
                _ => Err(Refusal::QueueFull),
            };
        }
        let ticket = lines.next_ticket;
        lines.next_ticket += 1;
        lines.newest = lines.newest.max(upstream.generation);
        let waiter = Waiter {
            upstream: Arc::clone(upstream),
            kept: kept.filter(|_| line != ANY),
            tried: *tried,
            answer: sender,
        };
        lines.waiters.insert((line, ticket), waiter);
        self.total.add();
        self.max.fetch_max(lines.waiters.len() as u64, Relaxed);
        if !is_first {
            // Whoever is before us may wait for a server that will not do for us.
            lines.serve(line, &mut answers, now);
        }
        self.settle(lines, answers);
        Ok(Picked::InTurn(Waiting {
            queue: Arc::clone(self),
            line,
            ticket,
            until: time::Instant::now() + rule.timeout,
            answer,
        }))
    }

    fn serve(&self, work: impl FnOnce(&mut Lines, &mut Answers)) {
        let mut answers = Answers::default();
        let mut lines = self.lines.lock();
        work(&mut lines, &mut answers);
        self.settle(lines, answers);
    }

    /// Frees the lock, and only then sends what is to be sent.
    fn settle(&self, lines: parking_lot::MutexGuard<'_, Lines>, answers: Answers) {
        self.waiting.fetch_sub(answers.0.len(), SeqCst);
        drop(lines);
        for (sender, answer) in answers.0 {
            // Nobody is there any more: the pick is dropped, and its place goes to the next.
            drop(sender.send(answer));
        }
    }
}

impl Waiting {
    /// As long as this has been waited in earlier tries of the same request, which counts.
    #[must_use]
    pub fn having_waited(mut self, before: Duration) -> Self {
        self.until = self.until.checked_sub(before).unwrap_or(self.until);
        self
    }

    /// The server, once there is a place; `QueueTimeout` if there is none in time.
    pub async fn turn(mut self) -> Result<Pick, Refusal> {
        loop {
            let look = time::Instant::now() + LOOK_EVERY;
            if let Ok(answer) = time::timeout_at(self.until.min(look), &mut self.answer).await {
                return answer.unwrap_or(Err(Refusal::Internal));
            }
            // Who is in line no more has an answer on its way.
            if self.until <= time::Instant::now() && self.leave() {
                self.queue.timed_out.add();
                return Err(Refusal::QueueTimeout);
            }
            if self.is_first() {
                self.queue.look();
            }
        }
    }

    fn is_first(&self) -> bool {
        let lines = self.queue.lines.lock();
        [self.line, ANY]
            .iter()
            .any(|line| lines.first(*line) == Some(self.ticket))
    }

    /// False if it stood in line no more.
    fn leave(&self) -> bool {
        let mut lines = self.queue.lines.lock();
        // Who waited for one server may have been moved to those who wait for any.
        let mut stands = [self.line, ANY].map(|line| (line, self.ticket)).into_iter();
        let left = stands.find_map(|place| lines.waiters.remove(&place));
        if left.is_some() {
            self.queue.waiting.fetch_sub(1, SeqCst);
        }
        drop(lines);
        left.is_some()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Lines {
    /// The ticket of the first in a line.
    fn first(&self, line: Line) -> Option<u64> {
        let mut places = self.waiters.range((line, 0)..=(line, u64::MAX));
        places.next().map(|(&(_, ticket), _)| ticket)
    }

    /// Gives a place away, to whoever waits longest of those who wait for this server and those who wait for any. Who is
    /// served may have found one elsewhere; then the next is served too.
    fn give(&mut self, server: Line, answers: &mut Answers, now: Instant) {
        let (kept, any) = (self.first(server), self.first(ANY));
        let is_kept_older = kept.is_some_and(|kept| any.is_none_or(|any| kept < any));
        let order = if is_kept_older {
            [server, ANY]
        } else {
            [ANY, server]
        };
        for line in order {
            while self.serve(line, answers, now) {}
        }
    }

    /// Serves all for whom there are places now.
    fn look(&mut self, answers: &mut Answers, now: Instant) {
        self.release(now);
        let lines: BTreeSet<Line> = self.waiters.keys().map(|(line, _)| *line).collect();
        for line in lines {
            while self.serve(line, answers, now) {}
        }
    }

    /// Who waits for a server that takes no kept clients any more waits for any, by age.
    fn release(&mut self, now: Instant) {
        let is_lost = |line: Line, waiter: &Waiter| {
            line != ANY
                && waiter
                    .upstream
                    .kept(waiter.kept, &waiter.tried, now)
                    .is_none()
        };
        let lost = self.waiters.iter();
        let lost: Vec<_> = lost
            .filter(|(place, waiter)| is_lost(place.0, waiter))
            .map(|(place, _)| *place)
            .collect();
        for place in lost {
            if let Some(mut waiter) = self.waiters.remove(&place) {
                waiter.kept = None;
                self.waiters.insert((ANY, place.1), waiter);
            }
        }
    }

    /// Gives a place to the first in this line for whom there is one; false if there is none.
    fn serve(&mut self, line: Line, answers: &mut Answers, now: Instant) -> bool {
        let mut from = 0;
        loop {
            let mut places = self.waiters.range((line, from)..=(line, u64::MAX));
            let Some((&place, waiter)) = places.next() else {
                return false;
            };
            let Waiter {
                upstream,
                kept,
                tried,
                ..
            } = waiter;
            let picked = upstream.pick_if_free(*kept, tried, now);
            if matches!(picked, Err(Refusal::Saturated)) {
                // What there is not for one that has tried nothing, there is for none behind it.
                if tried.is_empty() && upstream.generation == self.newest {
                    return false;
                }
                from = place.1 + 1;
                continue;
            }
            let is_served = picked.is_ok();
            if let Some(waiter) = self.waiters.remove(&place) {
                answers.0.push((waiter.answer, picked));
            }
            if is_served {
                return true;
            }
        }
    }
}

fn line_of(server: &Server) -> Line {
    Arc::as_ptr(&server.vitals).addr()
}

#[cfg(test)]
mod tests;
