//! A deadline for one direction of a stream: how long it may stand still.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// Runs only while the direction waits; any progress puts it off.
#[derive(Debug)]
pub struct Deadline {
    limit: Duration,
    /// Kept between waits, so that a stream allocates it once.
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl Deadline {
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            sleep: None,
            armed: false,
        }
    }

    /// Waits may last this long. If that is new, the wait of the moment starts over.
    pub fn allow(&mut self, limit: Duration) {
        if self.limit != limit {
            self.limit = limit;
            self.armed = false;
        }
    }

    /// The direction moved.
    pub fn moved(&mut self) {
        self.armed = false;
    }

    /// The direction waits; ready once it has waited for the limit without having moved.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
