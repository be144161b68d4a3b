//! A deadline for one direction of a stream: how long it may stand still, and how slow it may be.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

use super::Pace;

/// Runs only while the direction waits; any progress puts it off, as far as the pace allows.
#[derive(Debug)]
pub struct Deadline {
    limit: Duration,
    pace: Pace,
    /// Kept between waits, so that a stream allocates it once.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Since when the direction waits.
    waits: Option<Instant>,
}

impl Deadline {
    pub fn new(limit: Duration) -> Self {
        Self::paced(limit, Pace::any())
    }

    /// The waits together may be no longer than `pace` allows.
    pub fn paced(limit: Duration, pace: Pace) -> Self {
        Self {
            limit,
            pace,
            sleep: None,
            waits: None,
        }
    }

    /// Waits may last this long. If that is new, the wait of the moment starts over.
    pub fn allow(&mut self, limit: Duration) {
        if self.limit != limit {
            self.limit = limit;
            self.waits = None;
        }
    }

    /// Another message begins; how slow the last one was is forgotten.
    pub fn start_over(&mut self) {
        self.waits = None;
        self.pace.start_over();
    }

    /// Only standing still counts from now on.
    pub fn at_any_pace(&mut self) {
        self.pace = Pace::any();
    }

    /// So many bytes moved.
    pub fn moved(&mut self, bytes: usize) {
        let waited = self.waits.take().map_or(Duration::ZERO, |at| at.elapsed());
        // Too slow a move is as good as any; the next wait ends at once.
        let _ = self.pace.moved(bytes, waited);
    }

    /// The direction waits; ready once it has waited for the limit without having moved, or for all that its
    /// pace has left.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self
            .pace
            .left()
            .map_or(self.limit, |left| left.min(self.limit));
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if self.waits.is_none() {
            let now = Instant::now();
            sleep.as_mut().reset(now + limit);
            self.waits = Some(now);
        }
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const SECOND: Duration = Duration::from_secs(1);

    async fn expires_within(deadline: &mut Deadline, wait: Duration) -> bool {
        let expired = poll_fn(|cx| deadline.poll_expired(cx));
        timeout(wait, expired).await.is_ok()
    }

    /// After how many seconds a client is given up that sends `bytes` after each `wait`.
    async fn lasts(rate: u64, bytes: usize, wait: Duration) -> u64 {
        let mut deadline = Deadline::paced(LIMIT, Pace::new(rate, LIMIT));
        let started = Instant::now();
        while started.elapsed() < LIMIT * 100 && !expires_within(&mut deadline, wait).await {
            deadline.moved(bytes);
        }
        started.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_dribble_holds_nothing_for_long() {
        assert_eq!(lasts(240, 1, SECOND * 29).await, 30);
        assert_eq!(lasts(240, 1, SECOND).await, 30);
        assert_eq!(lasts(240, 120, SECOND).await, 59);
        assert_eq!(lasts(240, 250, SECOND).await, 3000);
        assert_eq!(lasts(0, 1, SECOND * 29).await, 3016);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_costs_nothing() {
        let mut deadline = Deadline::paced(LIMIT, Pace::new(240, LIMIT));
        for _ in 0..100 {
            assert!(!expires_within(&mut deadline, SECOND / 10).await);
            deadline.moved(100);
            sleep(LIMIT * 2).await; // the server thinks
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_starts_over() {
        let mut deadline = Deadline::paced(LIMIT, Pace::new(240, LIMIT));
        for _ in 0..10 {
            assert!(!expires_within(&mut deadline, SECOND * 29).await);
            deadline.moved(1);
            deadline.start_over();
        }
        assert!(expires_within(&mut deadline, LIMIT).await);
    }
}
