//! The life of a request in the express lane, top to bottom.

use std::{ops::ControlFlow, sync::Arc, time::Instant};

use super::{
    super::{
        Exchange,
        again::Resend,
        answering, apply,
        exchange::Kept,
        means::Means,
        outcome, pages,
        record::{self, Delivered},
        routing, turn,
    },
    client::{Client, Length, ResponseHead},
    crossing::{Crossing, End},
    lend,
    upload::Upload,
};
use crate::{
    admit::FieldLines,
    balance::Upstream,
    config::model::UpstreamProtocol,
    gateway::head::Head,
    observe::{Lane, Milestone},
    respond::{Answer, Refusal},
    snapshot::Action,
};

/// What is known of a request once it is admitted and routed: then it is known by which lane it goes.
pub(in crate::gateway) enum Start {
    /// It leads to a server, or to an answer of its route.
    Routed,
    /// The answer is known.
    Answer(Answer),
    Refused(Refusal),
}

/// Admit and route: who asks, is the message sane, and where does it lead? Nothing else hears of it yet.
pub(in crate::gateway) async fn start(
    head: Head<'_>,
    exchange: &mut Exchange,
    admitted: Result<(), Refusal>,
) -> Start {
    let routed = match admitted {
        Ok(()) => routing::route(head, exchange).await,
        Err(refusal) => Err(refusal),
    };
    match routed {
        Ok(None) => Start::Routed,
        Ok(Some(answer)) => Start::Answer(answer),
        Err(refusal) => Start::Refused(refusal),
    }
}

/// Whether this lane carries it: servers with HTTP/2, and what may be compressed, are for the other.
pub(in crate::gateway) fn carries(head: Head<'_>, exchange: &Exchange) -> bool {
    let Some(route) = &exchange.route else {
        return true;
    };
    let speaks_http1 = match &route.action {
        Action::Forward { upstream, .. } => upstream.protocol() == UpstreamProtocol::Http1,
        Action::Redirect(_) | Action::Respond(_) => true,
    };
    let is_coded = route.policies.compress.as_ref().is_some_and(|compress| {
        let offer = compress.accept(head.method, head.version, head.fields);
        offer.coding().is_some()
    });
    speaks_http1 && !is_coded
}

/// Carries the request to its end. Whatever comes of it is told once.
pub(in crate::gateway) async fn travel(
    means: &Means,
    client: &mut impl Client,
    exchange: &mut Exchange,
    start: Start,
) {
    let done = match start {
        Start::Routed => proceed(means, client, exchange).await,
        Start::Answer(answer) => say(client, exchange, &answer).await,
        Start::Refused(refusal) => Err(refusal),
    };
    if let Err(refusal) = done {
        refuse(client, exchange, refusal).await;
    }
    let delivered = Delivered {
        lane: Lane::Express,
        status: client.begun(),
        bytes_in: client.bytes_in(),
        bytes_out: client.bytes_out(),
    };
    record::record(client.head(), exchange, &delivered, &means.observer);
}

/// Apply, then answer or forward.
async fn proceed(
    means: &Means,
    client: &mut impl Client,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    if let Some(answer) = apply::apply(means, client, exchange).await? {
        return say(client, exchange, &answer).await;
    }
    let route = exchange.route.clone().ok_or(Refusal::Internal)?;
    let Action::Forward { upstream, .. } = &route.action else {
        return Err(Refusal::Internal);
    };
    let mut upload = Upload::new(client.framing());
    loop {
        let tried = try_once(means, client, exchange, &mut upload, upstream).await;
        if let ControlFlow::Break(done) = tried {
            return done;
        }
    }
}

/// Pick, forward and respond; goes on if another server may try.
async fn try_once(
    means: &Means,
    client: &mut impl Client,
    exchange: &mut Exchange,
    upload: &mut Upload,
    upstream: &Arc<Upstream>,
) -> ControlFlow<Result<(), Refusal>> {
    if client.is_taken_back() {
        return ControlFlow::Break(Err(Refusal::ClientGone));
    }
    let pick = match turn::begin(client, exchange, upstream).await {
        Ok(pick) => pick,
        Err(refusal) => return ControlFlow::Break(Err(refusal)),
    };
    let pick = exchange.pick.insert(pick);
    let Some(admitted) = &exchange.admitted else {
        return ControlFlow::Break(Err(Refusal::Internal));
    };
    let anew = exchange.tries.kept == Kept::Shunned;
    let mut now = exchange.tally.picked.unwrap_or_else(Instant::now);
    let lent = match lend::lend(pick, admitted, means.spares.mine(), anew, &mut now).await {
        Ok(lent) => lent,
        Err(error) => {
            let resend = resend(client.head(), upload.is_kept());
            return if exchange.not_connected(resend, &error) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(Err(Refusal::of(&error)))
            };
        }
    };
    if client.is_taken_back() {
        lent.give_back(means.spares.mine(), now);
        return ControlFlow::Break(Err(Refusal::ClientGone));
    }
    exchange.tally.connected(lent.was_kept, now);
    let Some(crossing) = Crossing::new(client, exchange, upload, lent, now) else {
        return ControlFlow::Break(Err(Refusal::Internal));
    };
    match crossing.run(means.spares.mine()).await {
        End::Done => ControlFlow::Break(Ok(())),
        End::Again => ControlFlow::Continue(()),
        End::StandIn(page) => {
            client.close();
            ControlFlow::Break(say(client, exchange, &page).await)
        }
        End::Broken(refusal) => ControlFlow::Break(Err(refusal)),
    }
}

pub(super) fn resend(head: Head<'_>, body_is_kept: bool) -> Resend<'_> {
    Resend {
        method: head.method,
        body_is_kept,
    }
}

/// An answer of ours as the whole response, with what the route's policies make of it.
async fn say(
    client: &mut impl Client,
    exchange: &mut Exchange,
    answer: &Answer,
) -> Result<(), Refusal> {
    let mut fields = FieldLines::default();
    answering::fill(&mut fields, answer);
    let body = answering::dress(answer, client.head(), &mut fields, exchange).await;
    let admitted = exchange.admitted.as_ref();
    if admitted.is_some_and(|admitted| admitted.connection.is_retired()) {
        client.close();
    }
    let is_empty = body.is_empty();
    let head = ResponseHead {
        status: answer.status,
        reason: bytes::Bytes::new(),
        fields,
    };
    if !client.is_heard() {
        client.close(); // nobody reads the rest of its body
    }
    client.begin(head, Length::Said { is_empty })?;
    client.forget_head();
    if !is_empty {
        client.give(body);
    }
    client.finish();
    sent(client).await
}

/// Waits until all is sent.
async fn sent(client: &mut impl Client) -> Result<(), Refusal> {
    std::future::poll_fn(|cx| client.poll_sent(cx)).await
}

/// Refuse: what do we say instead?
async fn refuse(client: &mut impl Client, exchange: &mut Exchange, refusal: Refusal) {
    exchange.refusal = Some(refusal);
    exchange.note(Instant::now(), || Milestone::Refusal(refusal.label()));
    outcome::stalled(exchange, refusal);
    let is_heard = !matches!(
        refusal,
        Refusal::ClientGone | Refusal::WindowTimeout | Refusal::WriteTimeout
    );
    if client.begun().is_some() && is_heard {
        // What was sound so far is the client's; then it notices. If it is no longer there, nobody minds. By HTTP/2 what is sent lies
        // with its connection, which needs a turn, as a reset would drop it.
        let _ = sent(client).await;
        tokio::task::yield_now().await;
    }
    if client.begun().is_some() || !is_heard {
        return client.abort();
    }
    // An exchange that never reached a server leaves its connection in order.
    if exchange.tries.count > 0 || !refusal.keeps_connection() {
        client.close();
    }
    let page = pages::refused(refusal, client.head(), exchange);
    // A client that cannot be written to has left; the log will say how far it came.
    if let Err(failed) = say(client, exchange, &page).await {
        outcome::stalled(exchange, failed);
        client.abort();
    }
}
