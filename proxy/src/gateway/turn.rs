//! Pick: the server of the next try, and the wait for a place there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Exchange,
    asker::{Asker, unless_left},
    sticky,
};
use crate::{
    balance::{Pick, Picked, Upstream},
    respond::Refusal,
};

/// A server that this exchange has not tried yet. Where there is none, the client is told what became of the last try.
pub(super) async fn pick(
    asker: &mut impl Asker,
    exchange: &mut Exchange,
    upstream: &Arc<Upstream>,
) -> Result<Pick, Refusal> {
    let found = find(asker, exchange, upstream).await;
    found.map_err(|refusal| match refusal {
        Refusal::ClientGone => refusal,
        _ => exchange.tries.failed.unwrap_or(refusal),
    })
}

async fn find(
    asker: &mut impl Asker,
    exchange: &mut Exchange,
    upstream: &Arc<Upstream>,
) -> Result<Pick, Refusal> {
    let since = Instant::now();
    let kept = sticky::kept(asker.head().fields, upstream);
    let waiting = match upstream.pick_or_wait(kept, &exchange.tries.servers, since)? {
        Picked::AtOnce(pick) => {
            exchange.tally.waited(Duration::ZERO);
            return Ok(pick);
        }
        Picked::InTurn(waiting) => waiting.having_waited(exchange.tally.queued.unwrap_or_default()),
    };
    let turn = unless_left(asker, waiting.turn()).await;
    exchange.tally.waited(since.elapsed());
    turn.unwrap_or(Err(Refusal::ClientGone))
}
