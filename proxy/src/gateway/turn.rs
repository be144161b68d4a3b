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
    observe::Milestone,
    respond::Refusal,
};

/// Begins the next try, on a server that this exchange has not tried yet; or on the last one, where that is asked once more. Where
/// there is none, the client is told what became of the last try.
pub(super) async fn begin(
    asker: &mut impl Asker,
    exchange: &mut Exchange,
    upstream: &Arc<Upstream>,
) -> Result<Pick, Refusal> {
    // The last try is over: its server is free before the next is chosen.
    let last = exchange.pick.take();
    let goes_back = exchange.tries.goes_back();
    let mut now = Instant::now();
    let pick = if let Some(same) = last.filter(|_| goes_back) {
        same
    } else {
        let found = find(asker, exchange, upstream, &mut now).await;
        let pick = found.map_err(|refusal| match refusal {
            Refusal::ClientGone => refusal,
            _ => exchange.tries.failed.unwrap_or(refusal),
        })?;
        exchange.tries.begin(&pick);
        pick
    };
    let server = &pick.server().label;
    exchange.note(now, || Milestone::Pick {
        server: Arc::clone(server),
    });
    exchange.tally.pick(now);
    exchange.pace.start_over();
    Ok(pick)
}

async fn find(
    asker: &mut impl Asker,
    exchange: &mut Exchange,
    upstream: &Arc<Upstream>,
    now: &mut Instant,
) -> Result<Pick, Refusal> {
    let since = *now;
    let kept = sticky::kept(asker.head().fields, upstream);
    let waiting = match upstream.pick_or_wait(kept, &exchange.tries.servers, since)? {
        Picked::AtOnce(pick) => {
            exchange.tally.waited(Duration::ZERO);
            return Ok(pick);
        }
        Picked::InTurn(waiting) => waiting.having_waited(exchange.tally.queued.unwrap_or_default()),
    };
    let turn = unless_left(asker, Box::pin(waiting.turn())).await;
    *now = Instant::now();
    exchange.tally.waited(now.saturating_duration_since(since));
    turn.unwrap_or(Err(Refusal::ClientGone))
}
