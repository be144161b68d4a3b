//! A deadline for one direction of a stream: how long it may stand still.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// Runs only while the direction waits; any progress puts it off.
#[derive(Debug)]
pub(super) struct Deadline {
    limit: Duration,
    /// Kept between waits, so that a stream allocates it once.
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl Deadline {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            sleep: None,
            armed: false,
        }
    }

    /// The direction moved.
    pub(super) fn moved(&mut self) {
        self.armed = false;
    }

    /// The direction waits; ready once it has waited for the limit without having moved.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !self.armed {
            sleep.as_mut().reset(Instant::now() + limit);
            self.armed = true;
        }
        sleep.as_mut().poll(cx)
    }
}
