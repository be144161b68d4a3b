//! Waiting for what must come true, with a deadline in place of a guess.

use std::{future::Future, time::Duration};

/// Whatever takes longer has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// How often a condition is looked at again.
const LOOK: Duration = Duration::from_millis(10);

/// For a foreign program that is large, and starts while all others do.
pub(crate) const START: Duration = Duration::from_secs(60);

/// The outcome of what must end soon.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    within(DEADLINE, what, work).await
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    until_within(DEADLINE, what, condition).await;
}

/// The same for what may take longer.
pub(crate) async fn until_within(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) {
    within(deadline, what, async {
        while !condition().await {
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
}

async fn within<T>(deadline: Duration, what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(deadline, work)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {deadline:?}"))
}
