//! Waiting for what must come true, with a deadline in place of a guess.

use std::{future::Future, time::Duration};

/// Whatever takes longer has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// How often a condition is looked at again.
const LOOK: Duration = Duration::from_millis(10);

/// The outcome of what must end soon.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    in_time(what, async {
        while !condition().await {
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
}
