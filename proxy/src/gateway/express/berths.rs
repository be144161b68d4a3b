//! Places for exchanges on the task of their connection.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
};

use super::calls::Calls;
use crate::listen::Alarm;

/// A connection that rests keeps so many.
const KEPT: usize = 1;

/// Exchanges under way. A place is used again and again, with its alarm: an exchange costs no task, and no timer.
pub(in crate::gateway) struct Berths<F> {
    calls: Arc<Calls>,
    all: Vec<Berth<F>>,
    free: Vec<usize>,
}

struct Berth<F> {
    exchange: Pin<Box<Option<F>>>,
    /// Of exchanges that are yet to come.
    alarm: Alarm,
    waker: Waker,
}

impl<F: Future<Output = Alarm>> Berths<F> {
    /// Their numbers as callers are above 0, which is left for another.
    pub(in crate::gateway) fn new(calls: Arc<Calls>) -> Self {
        Self {
            calls,
            all: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(in crate::gateway) fn is_empty(&self) -> bool {
        self.free.len() == self.all.len()
    }

    /// Takes an exchange in; it gives back its alarm when it is over.
    pub(in crate::gateway) fn add(&mut self, begin: impl FnOnce(Alarm) -> F) {
        let index = self.free.pop().unwrap_or(self.all.len());
        if index == self.all.len() {
            self.all.push(Berth {
                exchange: Box::pin(None),
                alarm: Alarm::default(),
                waker: self.calls.waker(index + 1),
            });
        }
        if let Some(berth) = self.all.get_mut(index) {
            let alarm = std::mem::take(&mut berth.alarm);
            berth.exchange.set(Some(begin(alarm)));
            berth.waker.wake_by_ref();
        }
    }

    /// Has the exchange go on that has called by this number, if it is not over.
    pub(in crate::gateway) fn proceed(&mut self, number: usize) {
        let Some((index, berth)) = number
            .checked_sub(1)
            .and_then(|index| Some((index, self.all.get_mut(index)?)))
        else {
            return;
        };
        let Some(exchange) = berth.exchange.as_mut().as_pin_mut() else {
            return; // an old alarm
        };
        let cx = &mut Context::from_waker(&berth.waker);
        if let std::task::Poll::Ready(alarm) = exchange.poll(cx) {
            berth.exchange.set(None);
            berth.alarm = alarm;
            self.free.push(index);
            if self.is_empty() && self.all.len() > KEPT {
                self.all.truncate(KEPT);
                self.all.shrink_to(KEPT);
                self.free.retain(|index| *index < KEPT);
            }
        }
    }
}
