//! Pick: the server of the next try, and the wait for a place there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pingora::{Result, proxy::Session};

use super::{Exchange, fault, session, sticky};
use crate::{
    balance::{Pick, Picked, Upstream},
    respond::Refusal,
};

/// A server that this exchange has not tried yet. Where there is none, the client is told what became of the last try.
pub(super) async fn pick(
    session: &mut Session,
    exchange: &mut Exchange,
    upstream: &Arc<Upstream>,
) -> Result<Pick> {
    let found = find(session, exchange, upstream).await;
    found.map_err(|refusal| {
        fault::refuse(match refusal {
            Refusal::ClientGone => refusal,
            _ => exchange.tries.failed.unwrap_or(refusal),
        })
    })
}

async fn find(
    session: &mut Session,
    exchange: &mut Exchange,
    upstream: &Arc<Upstream>,
) -> std::result::Result<Pick, Refusal> {
    let asked = Instant::now();
    let kept = sticky::kept(session.req_header(), upstream);
    let waiting = match upstream.pick_or_wait(kept, &exchange.tries.servers, asked)? {
        Picked::AtOnce(pick) => {
            exchange.tally.waited(Duration::ZERO);
            return Ok(pick);
        }
        Picked::InTurn(waiting) => waiting.having_waited(exchange.tally.queued.unwrap_or_default()),
    };
    let found = session::unless_left(session, waiting.turn()).await;
    exchange.tally.waited(asked.elapsed());
    found.unwrap_or(Err(Refusal::ClientGone))
}
