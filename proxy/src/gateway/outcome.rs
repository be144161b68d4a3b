//! What came of a try in Pingora's lane.

use std::{sync::Arc, time::Instant};

use http::{HeaderMap, StatusCode};
use pingora::{Error, ErrorType, Result, http::ResponseHeader, proxy::Session};

use super::{
    Exchange,
    again::{Next, Resend},
    fault,
    loan::Lender,
    session,
};
use crate::{
    balance::{Failure, Pick},
    config::model::UpstreamProtocol,
    observe::Milestone,
    respond::Refusal,
};

/// A response has begun. An error asks for another server instead.
pub(super) fn answered(
    session: &mut Session,
    response: &ResponseHeader,
    exchange: &mut Exchange,
) -> Result<()> {
    if response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    hold_to_limits(&response.headers, exchange)?;
    let now = Instant::now();
    exchange.tally.answered = Some(now);
    exchange.note(now, || Milestone::FirstByte);
    exchange.response_moved();
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        if !session.is_upgrade_req() {
            let unasked = "it switches protocols without having been asked";
            return Err(fault::refuse(Refusal::ServerMalformed(unasked)).into_up());
        }
        exchange.tally.upgraded = true;
        if let Some(admitted) = &exchange.admitted {
            admitted.connection.upgrade();
        }
    }
    match exchange.judge(response.status, resend(session), now) {
        Next::Respond => Ok(()),
        Next::Again => {
            exchange.tries.discarded = true;
            Err(fault::refuse(Refusal::ServerReset))
        }
    }
}

fn resend(session: &Session) -> Resend<'_> {
    Resend {
        method: &session.req_header().method,
        body_is_kept: !session.as_ref().retry_buffer_truncated(),
    }
}

/// A head by HTTP/1.1, or its trailers, have been held to their limits as they were read; those by HTTP/2 are whole when we
/// first see them.
pub(super) fn hold_to_limits(fields: &HeaderMap, exchange: &Exchange) -> Result<()> {
    let Some(pick) = &exchange.pick else {
        return Ok(());
    };
    if pick.upstream().protocol() == UpstreamProtocol::Http1 {
        return Ok(());
    }
    let fields = fields
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let checked = pick.upstream().limits().check(fields);
    checked.map_err(|refusal| fault::refuse(refusal).into_up())
}

/// No connection came about.
pub(super) fn not_connected(
    session: &mut Session,
    exchange: &mut Exchange,
    mut error: Box<Error>,
) -> Box<Error> {
    error.as_up();
    let again = exchange.not_connected(resend(session), &error);
    error.set_retry(again);
    error
}

/// The exchange broke off between connection and the end of the response. `reused` is said of connections of
/// Pingora's.
pub(super) fn broken_off(
    session: &mut Session,
    exchange: &mut Exchange,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if exchange.stand_in.is_some() {
        error.set_retry(false);
        return error;
    }
    if std::mem::take(&mut exchange.tries.discarded) {
        error.set_retry(true);
        return error;
    }
    let now = Instant::now();
    let failure = match fault::failure(&error) {
        // Tunnels end in many ways, and none says that the server is ill.
        Some(_) if exchange.tally.upgraded => None,
        Some(failure) if exchange.has_expired() || failure == Failure::Timeout => {
            exchange.awaits_server(&error).then_some(Failure::Timeout)
        }
        failure => failure,
    };
    let lent = |lender: &Arc<Lender>| lender.has_lent_spare();
    let was_kept = reused || exchange.lender.as_ref().is_some_and(lent);
    let again = failure.is_some_and(|failure| {
        if was_kept
            && session.response_written().is_none()
            && exchange.goes_back(resend(session), failure, fault::is_close(&error))
        {
            return true;
        }
        if let Some(pick) = &exchange.pick {
            pick.failed(failure, now);
            complain(pick, &error, now);
        }
        !session::has_begun(session) && exchange.may_go_again(resend(session), failure, now)
    });
    error.set_retry(again);
    error
}

impl Exchange {
    /// No connection came about: whether to try another server.
    pub(super) fn not_connected(&mut self, resend: Resend<'_>, error: &Error) -> bool {
        if fault::is_exhaustion(error) {
            // No fault of the server's, and another could not be reached either.
            if let Some(admitted) = &self.admitted
                && admitted.connection.listener.ran_out()
            {
                tracing::warn!(%error, "cannot connect to servers");
            }
            return false;
        }
        let now = Instant::now();
        if let Some(pick) = &self.pick {
            pick.failed(Failure::Connect, now);
            complain(pick, error, now);
        }
        self.may_go_again(resend, Failure::Connect, now)
    }
}

/// Says in the log what went wrong with a server's TLS: the client is told as little as ever.
pub(super) fn complain(pick: &Pick, error: &Error, now: Instant) {
    let Some(tls) = &pick.server().tls else {
        return;
    };
    let Some(reason) = fault::reason(error, pick.upstream().timeouts()) else {
        return;
    };
    if tls.may_complain(now) {
        let (upstream, server) = (pick.upstream().name(), &pick.server().label);
        tracing::warn!(%upstream, %server, %reason, "no TLS with a server");
    }
}

/// A response may have waited too long for its window; if nothing else is under way, that ends its connection.
pub(super) fn stalled(exchange: &Exchange, refusal: Refusal) {
    if let Some(admitted) = &exchange.admitted
        && refusal == Refusal::WindowTimeout
    {
        admitted.carried.stall();
    }
}

impl Exchange {
    /// What the client is told after the last try failed with `error`.
    pub(super) fn refusal_for(&self, error: &Error) -> Refusal {
        let awaits_server = self.awaits_server(error);
        match Refusal::of(error) {
            Refusal::ServerReset if self.has_expired() && awaits_server => Refusal::ServerTimeout,
            Refusal::ServerReset if self.has_expired() => Refusal::BodyTimeout,
            Refusal::ServerTimeout if self.tries.head_sent && !awaits_server => {
                Refusal::BodyTimeout
            }
            refusal => refusal,
        }
    }

    /// Whether it was the server that took too long. As long as the client has not sent all of its body, it is
    /// the client, unless the server does not take what there is.
    fn awaits_server(&self, error: &Error) -> bool {
        self.tally.request_over
            // An error with a status is what we made of a try before.
            || matches!(error.etype(), ErrorType::WriteTimedout | ErrorType::HTTPStatus(_))
            || self.lender.as_ref().is_some_and(|lender| lender.is_stuck())
    }
}
