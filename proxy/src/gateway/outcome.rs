//! What came of a try, and of the whole exchange.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use pingora::{
    Error, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    proxy::Session,
};

use super::{
    Exchange, admission,
    exchange::{Admitted, Kept},
    fault,
    loan::Lender,
    session,
};
use crate::{
    balance::{Attempt, Failure, Pick, Sent, is_idempotent},
    config::model::UpstreamProtocol,
    forward,
    listen::TlsFacts,
    observe::{
        Milestone, Observer, Places, Protocol, Record, Timers, Tls, Tracer,
        traces::{self, Asked, Span},
    },
    policy::{Coding, Skipped},
    respond::Refusal,
    snapshot::Action,
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
    let Some(pick) = &exchange.pick else {
        return Ok(());
    };
    if !is_server_trouble(response.status) {
        pick.succeeded(now);
        return Ok(());
    }
    let failure = Failure::Status(response.status);
    pick.failed(failure, now);
    if may_go_again(session, exchange, failure, now) {
        exchange.tries.discarded = true;
        return Err(fault::refuse(Refusal::ServerReset));
    }
    Ok(())
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

/// Statuses by which a server, or what stands behind it, says that it cannot serve at all.
fn is_server_trouble(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// No connection came about.
pub(super) fn not_connected(
    session: &mut Session,
    exchange: &mut Exchange,
    mut error: Box<Error>,
) -> Box<Error> {
    error.as_up();
    if fault::is_exhaustion(&error) {
        // No fault of the server's, and another could not be reached either.
        if let Some(admitted) = &exchange.admitted
            && admitted.connection.listener.ran_out()
        {
            tracing::warn!(%error, "cannot connect to servers");
        }
        error.set_retry(false);
        return error;
    }
    let now = Instant::now();
    if let Some(pick) = &exchange.pick {
        pick.failed(Failure::Connect, now);
        complain(pick, &error, now);
    }
    error.set_retry(may_go_again(session, exchange, Failure::Connect, now));
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
        if was_kept && goes_back(session, exchange, failure, &error) {
            return true;
        }
        if let Some(pick) = &exchange.pick {
            pick.failed(failure, now);
            complain(pick, &error, now);
        }
        !session::has_begun(session) && may_go_again(session, exchange, failure, now)
    });
    error.set_retry(again);
    error
}

/// Whether the server closed a connection that we had kept just as the request came. It is no failure then:
/// the same server is asked once more, on a new connection, as RFC 9112 section 9.3.1 lets us for what is
/// idempotent. No retry of the configuration is spent, as nothing went wrong.
fn goes_back(session: &Session, exchange: &mut Exchange, failure: Failure, error: &Error) -> bool {
    let goes_back = failure == Failure::Reset
        && fault::is_close(error)
        && exchange.tally.answered.is_none()
        && session.response_written().is_none()
        && attempt(session, exchange, failure).is_repeatable();
    if goes_back {
        exchange.tries.kept = Kept::Closed;
        exchange.note_retry(Instant::now(), "closed");
    }
    goes_back
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

/// Decides on another try, and spends from the budget if there is to be one.
fn may_go_again(
    session: &Session,
    exchange: &mut Exchange,
    failure: Failure,
    now: Instant,
) -> bool {
    let Some(pick) = &exchange.pick else {
        return false;
    };
    if !pick.upstream().has_untried(&exchange.tries.servers) {
        return false;
    }
    let again = pick
        .upstream()
        .again(&attempt(session, exchange, failure), now);
    if again {
        exchange.tries.failed = Some(failure.into());
        exchange.note_retry(now, failure.label());
    }
    again
}

fn attempt(session: &Session, exchange: &Exchange, failure: Failure) -> Attempt {
    let sent = match (exchange.tries.head_sent, exchange.tries.body_sent) {
        (false, _) => Sent::Nothing,
        (true, false) => Sent::Head,
        (true, true) => Sent::Body {
            kept: !session.as_ref().retry_buffer_truncated(),
        },
    };
    Attempt {
        failure,
        sent,
        idempotent: is_idempotent(&session.req_header().method),
        tries: exchange.tries.count,
    }
}

/// What a client is told of a failure that no other server made good.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connect => Self::ConnectFailed,
            Failure::Reset => Self::ServerReset,
            Failure::Timeout => Self::ServerTimeout,
            Failure::Malformed => Self::ServerMalformed("as another server's before"),
            Failure::Status(_) => Self::NoServer,
        }
    }
}

/// A response may have waited too long for its window; if nothing else is under way, that ends its connection.
pub(super) fn stalled(exchange: &Exchange, error: &Error) {
    if let Some(admitted) = &exchange.admitted
        && Refusal::of(error) == Refusal::WindowTimeout
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

/// Counts what was compressed, or why it was not, and names the coding; empty if there is none.
fn count_coding(exchange: &Exchange, observer: &Observer) -> (&'static str, Option<(u64, u64)>) {
    let squeezed = exchange.coder.squeezed();
    let meters = &observer.metrics.codings;
    let Some(coding) = squeezed.coding.map(Coding::as_str) else {
        match squeezed.skipped {
            None => {}
            Some(Skipped::Load) => meters.skipped("load"),
            Some(Skipped::Streams) => meters.skipped("streams"),
            Some(Skipped::NoGain) => meters.skipped("no_gain"),
            Some(Skipped::Broken) => meters.skipped("broken"),
        }
        return ("", None);
    };
    meters.compressed(coding, squeezed.taken, squeezed.given);
    (coding, Some((squeezed.taken, squeezed.given)))
}

fn places<'a>(exchange: &'a Exchange, admitted: &'a Admitted) -> Places<'a> {
    let (route, pick) = (exchange.route.as_ref(), exchange.pick.as_ref());
    Places {
        listener: Some(&admitted.connection.listener.meters),
        route: route.map(|route| route.meters.as_ref()),
        server: pick.map(|pick| &pick.server().vitals.meters),
    }
}

fn protocol(version: Version) -> Protocol {
    match version {
        Version::HTTP_10 => Protocol::Http10,
        Version::HTTP_2 => Protocol::Http2,
        _ => Protocol::Http11,
    }
}

/// Queries hold tokens, those of the page before too. A fragment or a user, who may have a password, must not be there at all
/// (RFC 9110 section 10.1.3).
fn without_secrets(referer: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'?' | b'#');
    let page = referer.split(is_end).next().unwrap_or_default();
    // `https:`, nothing, and whose page it is.
    let authority = page.split(|byte| *byte == b'/').nth(2);
    match authority {
        Some(authority) if authority.contains(&b'@') => b"",
        _ => page,
    }
}

impl<'a> From<&'a TlsFacts> for Tls<'a> {
    fn from(facts: &'a TlsFacts) -> Self {
        Self {
            version: facts.version,
            cipher: facts.cipher,
            sni: &facts.server_name,
            resumed: facts.resumed,
            client: facts.client.as_deref().unwrap_or(""),
        }
    }
}

/// The exchange is over: metrics and the access log hear of it once, from here.
pub(super) fn record(session: &Session, exchange: &Exchange, observer: &Observer) {
    let Some(admitted) = &exchange.admitted else {
        return;
    };
    let header = session.req_header();
    let connection = &admitted.connection;
    let written = session
        .response_written()
        .map_or(0, |response| response.status.as_u16());
    let status = match exchange.refusal {
        Some(Refusal::ClientGone) => Refusal::ClientGone.status().as_u16(),
        Some(refusal) if written == 0 => refusal.status().as_u16(),
        _ => written,
    };
    let fields = &header.headers;
    let field = |name| fields.get(name).map_or(&b""[..], HeaderValue::as_bytes);
    let route = exchange.route.as_ref();
    let upstream = route.and_then(|route| match &route.action {
        Action::Forward { upstream, .. } => Some(upstream),
        Action::Redirect(_) | Action::Respond(_) => None,
    });
    let (tally, pick) = (&exchange.tally, exchange.pick.as_ref());
    let (coding, compressed) = count_coding(exchange, observer);
    let record = Record {
        at: SystemTime::now(),
        client: admitted.client,
        country: exchange.snapshot.country_of(admitted.client),
        listener: &connection.listener.settings.name,
        protocol: protocol(header.version),
        method: header.method.as_str(),
        host: admitted.host.name(),
        path: admission::logged_path(header, admitted),
        status,
        bytes_in: tally.body_in.max(session.body_bytes_read() as u64),
        bytes_out: session.body_bytes_sent() as u64,
        route: route.map_or("", |route| &route.label),
        upstream: upstream.map_or("", |upstream| upstream.name()),
        server: pick.map_or("", |pick| &pick.server().label),
        retries: exchange.tries.count.saturating_sub(1),
        refusal: exchange.refusal.map(Refusal::label),
        refusal_detail: exchange.refusal.and_then(Refusal::detail),
        blame: exchange.refusal.map(|refusal| refusal.blame(written != 0)),
        policy: exchange.applied.by,
        observed: &exchange.applied.observed,
        user: exchange.applied.user.as_deref().unwrap_or_default(),
        coding,
        compressed,
        tls: connection.tls.as_ref().map(Tls::from),
        request_id: admitted.id.as_str(),
        trace_id: traces::shown(exchange.trace.as_ref()),
        user_agent: field(header::USER_AGENT),
        referer: without_secrets(field(header::REFERER)),
        timers: Timers {
            queue: tally.queued,
            connect: tally.to_connect(),
            first_byte: tally.to_first_byte(),
            total: tally.started.elapsed(),
        },
        upgraded: tally.upgraded,
    };
    observer.record(
        &record,
        places(exchange, admitted),
        &exchange.snapshot.config.log,
    );
    if let Some(tracer) = &exchange.snapshot.tracer {
        trace_it(tracer, &record, header, exchange);
    }
}

/// Has the span of an exchange sent, if it is sampled.
fn trace_it(tracer: &Tracer, record: &Record<'_>, header: &RequestHeader, exchange: &Exchange) {
    let sampled = exchange.trace.as_ref().filter(|trace| trace.is_sampled());
    let (Some(trace), Some(admitted)) = (sampled, &exchange.admitted) else {
        return;
    };
    let state = header.headers.get_all(forward::TRACESTATE).iter();
    let asked = Asked {
        scheme: admitted.connection.listener.scheme(),
        port: admitted.host.port(),
        state: &state.map(HeaderValue::as_bytes).collect::<Vec<_>>(),
        begun: exchange.tally.started,
    };
    tracer.send(Span::of(record, trace, &asked));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_before_is_logged_without_its_secrets() {
        for (referer, logged) in [
            ("https://a.test/b?key=secret#c", "https://a.test/b"),
            ("https://a.test/b#secret?c", "https://a.test/b"),
            ("https://a.test/@ada", "https://a.test/@ada"),
            ("https://a.test", "https://a.test"),
            ("https://ada:secret@a.test/b", ""),
            ("//ada:secret@a.test/b", ""),
            ("https://ada:secret@a.test", ""),
            ("/b", "/b"),
            ("about:blank", "about:blank"),
            ("", ""),
        ] {
            let found = without_secrets(referer.as_bytes());
            assert_eq!(found, logged.as_bytes(), "{referer}");
        }
    }
}
