//! A timer that is set again and again, and hardly ever rings.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings once something is due. Putting it off costs nothing: when it rings too early it is set anew.
///
/// The runtime's wheel of timers is so left alone on the path of a request, as almost every wait is over long before it is due
/// and the next one is due later.
#[derive(Debug, Default)]
pub struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready once it is so late.
    pub fn poll_due(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if due < sleep.deadline() {
            sleep.as_mut().reset(due);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if due <= sleep.deadline() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_due_whether_that_was_put_off_or_brought_forward() {
        let mut alarm = Alarm::default();
        for wait in [3, 60, 1, 1, 30, 2] {
            let due = Instant::now() + SECOND * wait;
            // It is looked at, and then the wait is over before it is due.
            let early = poll_fn(|cx| alarm.poll_due(due, cx));
            assert!(tokio::time::timeout(SECOND / 2, early).await.is_err());
            let due = due + SECOND;
            poll_fn(|cx| alarm.poll_due(due, cx)).await;
            let late = Instant::now().saturating_duration_since(due);
            assert!(late < SECOND / 100, "{late:?}");
        }
    }
}
