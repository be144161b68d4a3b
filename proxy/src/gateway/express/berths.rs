//! Places for exchanges on the task of their connection.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use super::calls::Calls;

/// A connection that rests keeps so many.
const KEPT: usize = 1;

/// Exchanges under way. Each place serves one after another, so an exchange costs no task, no timer, and no memory but what it asks
/// for.
pub(in crate::gateway) struct Berths<S, B, F> {
    calls: Arc<Calls>,
    begin: B,
    all: Vec<Berth<S, F>>,
    free: Vec<usize>,
}

struct Berth<S, F> {
    /// Never over.
    serving: Pin<Box<F>>,
    guests: Guests<S>,
    waker: Waker,
}

/// Who comes to one place, one after another.
#[derive(Debug)]
pub(in crate::gateway) struct Guests<S>(Arc<Mutex<Next<S>>>);

#[derive(Debug)]
enum Next<S> {
    Awaited,
    Here(S),
    /// The last one is being served.
    Later,
}

impl<S> Guests<S> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Next::Awaited)))
    }

    fn add(&self, guest: S) {
        *self.0.lock() = Next::Here(guest);
    }

    fn are_awaited(&self) -> bool {
        matches!(*self.0.lock(), Next::Awaited)
    }

    /// The next to be served.
    pub(in crate::gateway) async fn next(&mut self) -> S {
        poll_fn(|_| {
            let mut next = self.0.lock();
            match std::mem::replace(&mut *next, Next::Awaited) {
                Next::Here(guest) => {
                    *next = Next::Later;
                    Poll::Ready(guest)
                }
                Next::Awaited | Next::Later => Poll::Pending, // who adds one has this looked at again
            }
        })
        .await
    }

    fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, B, F> Berths<S, B, F>
where
    B: Fn(Guests<S>) -> F,
    F: Future<Output = ()>,
{
    /// `begin` makes what serves all who come to a place. Their numbers as callers are above 0, which is left for another.
    pub(in crate::gateway) fn new(calls: Arc<Calls>, begin: B) -> Self {
        Self {
            calls,
            begin,
            all: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(in crate::gateway) fn is_empty(&self) -> bool {
        self.free.len() == self.all.len()
    }

    /// Gives one who comes a place.
    pub(in crate::gateway) fn add(&mut self, guest: S) {
        let index = self.free.pop().unwrap_or(self.all.len());
        if index == self.all.len() {
            let guests = Guests::new();
            self.all.push(Berth {
                serving: Box::pin((self.begin)(guests.share())),
                guests,
                waker: self.calls.waker(index + 1),
            });
        }
        if let Some(berth) = self.all.get_mut(index) {
            berth.guests.add(guest);
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
        if berth.guests.are_awaited() {
            return; // an old alarm
        }
        let cx = &mut Context::from_waker(&berth.waker);
        let serving = berth.serving.as_mut();
        if catch_unwind(AssertUnwindSafe(|| serving.poll(cx))).is_err() {
            // The panic has been told by its hook; whoever comes next finds the place in order.
            berth.guests = Guests::new();
            berth.serving = Box::pin((self.begin)(berth.guests.share()));
        }
        if berth.guests.are_awaited() {
            self.free.push(index);
        }
    }

    /// Leaves none here.
    pub(in crate::gateway) fn take(&mut self) -> Self
    where
        B: Clone,
    {
        Self {
            calls: Arc::clone(&self.calls),
            begin: self.begin.clone(),
            all: std::mem::take(&mut self.all),
            free: std::mem::take(&mut self.free),
        }
    }

    /// Whether nobody is here, and more is kept than is needed for those who may come.
    pub(in crate::gateway) fn may_shrink(&self) -> bool {
        self.is_empty() && self.all.len() > KEPT
    }

    pub(in crate::gateway) fn shrink(&mut self) {
        self.all.truncate(KEPT);
        self.all.shrink_to_fit();
        self.free = (0..self.all.len()).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const ITSELF: Context<'static> = Context::from_waker(Waker::noop());

    /// Has all go on that want to.
    fn turn<B, F>(berths: &mut Berths<usize, B, F>, calls: &Calls)
    where
        B: Fn(Guests<usize>) -> F,
        F: Future<Output = ()>,
    {
        let mut callers = Vec::new();
        calls.take(&mut callers, &ITSELF);
        for number in callers {
            berths.proceed(number);
        }
    }

    #[test]
    fn a_place_serves_one_after_another_and_stays_in_order_after_a_panic() {
        let calls = Arc::new(Calls::default());
        let (begun, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut berths = Berths::new(Arc::clone(&calls), |mut guests: Guests<usize>| {
            begun.fetch_add(1, Ordering::Relaxed);
            let served = &served;
            async move {
                loop {
                    let guest = guests.next().await;
                    assert_ne!(guest, 13, "as asked");
                    if guest == 2 {
                        poll_fn(|_| {
                            if served.load(Ordering::Relaxed) < 2 {
                                Poll::Pending
                            } else {
                                Poll::Ready(())
                            }
                        })
                        .await;
                    }
                    served.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let count = || {
            (
                begun.load(Ordering::Relaxed),
                served.load(Ordering::Relaxed),
            )
        };
        berths.add(1);
        turn(&mut berths, &calls);
        assert_eq!((count(), berths.is_empty()), ((1, 1), true));

        // The second waits for the third, which needs another place.
        berths.add(2);
        turn(&mut berths, &calls);
        assert!(!berths.is_empty());
        berths.add(3);
        turn(&mut berths, &calls);
        assert_eq!((count(), berths.is_empty()), ((2, 2), false));
        berths.proceed(1);
        assert_eq!((count(), berths.is_empty()), ((2, 3), true));

        for guest in [13, 4, 5, 6] {
            berths.add(guest);
            turn(&mut berths, &calls);
            assert!(berths.is_empty());
        }
        assert_eq!(count(), (3, 6));
        assert!(berths.may_shrink());
        berths.shrink();
        assert!(!berths.may_shrink());
        for guest in [7, 8, 9] {
            berths.add(guest);
        }
        turn(&mut berths, &calls);
        assert_eq!((count().1, berths.is_empty()), (9, true));
    }
}
