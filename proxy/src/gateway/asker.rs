//! Who waits for an answer, by whatever lane.

use super::head::Head;

/// A client with one request.
pub(super) trait Asker: Send {
    fn head(&self) -> Head<'_>;

    /// Returns once the client has gone or taken the request back. Where its body is yet to be read that may not be seen, and
    /// this never returns.
    fn left(&mut self) -> impl Future<Output = ()> + Send;
}

/// What comes of `work`, unless the client leaves before.
pub(super) async fn unless_left<T>(
    asker: &mut impl Asker,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = asker.left() => None,
    }
}
