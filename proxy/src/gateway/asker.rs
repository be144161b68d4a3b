//! Who waits for an answer, by whatever lane.

use super::head::Head;

/// A client with one request.
pub(super) trait Asker: Send {
    fn head(&self) -> Head<'_>;

    /// Returns once the client has gone or taken the request back. Where its body is yet to be read that may not be seen, and
    /// this never returns.
    fn left(&mut self) -> impl Future<Output = ()> + Send;
}

/// What comes of `work`, unless the client leaves before. Work has a box of its own: most exchanges wait for nothing, and are not
/// to be larger for those that do.
pub(super) async fn unless_left<W: Future + Unpin>(
    asker: &mut impl Asker,
    work: W,
) -> Option<W::Output> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = asker.left() => None,
    }
}
