//! Record: what happened?

use std::time::SystemTime;

use http::{HeaderName, StatusCode, Version, header};

use super::{Exchange, admission, exchange::Admitted, head::Head};
use crate::{
    admit::FieldView,
    forward,
    listen::TlsFacts,
    observe::{
        Lane, Observer, Places, Protocol, Record, Timers, Tls, Tracer,
        traces::{self, Asked, Span},
    },
    policy::{Coding, Skipped},
    respond::Refusal,
    snapshot::Action,
};

/// What passed between us and the client, as its lane has counted it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub(super) lane: Lane,
    /// Of the response that has begun, if one has.
    pub(super) status: Option<StatusCode>,
    /// Bytes of bodies.
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
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
pub(super) fn record(
    head: Head<'_>,
    exchange: &Exchange,
    delivered: &Delivered,
    observer: &Observer,
) {
    let Some(admitted) = &exchange.admitted else {
        return;
    };
    let connection = &admitted.connection;
    let written = delivered.status.map_or(0, |status| status.as_u16());
    let status = match exchange.refusal {
        Some(Refusal::ClientGone) => Refusal::ClientGone.status().as_u16(),
        Some(refusal) if written == 0 => refusal.status().as_u16(),
        _ => written,
    };
    let field = |name: HeaderName| head.fields.get(name).unwrap_or_default();
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
        lane: Some(delivered.lane),
        protocol: protocol(head.version),
        method: head.method.as_str(),
        host: admitted.host.name(),
        path: admission::logged_path(head, admitted),
        status,
        bytes_in: tally.body_in.max(delivered.bytes_in),
        bytes_out: delivered.bytes_out,
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
        trace_it(tracer, &record, head.fields, exchange);
    }
}

/// Has the span of an exchange sent, if it is sampled.
fn trace_it(tracer: &Tracer, record: &Record<'_>, fields: FieldView<'_>, exchange: &Exchange) {
    let sampled = exchange.trace.as_ref().filter(|trace| trace.is_sampled());
    let (Some(trace), Some(admitted)) = (sampled, &exchange.admitted) else {
        return;
    };
    let state = fields.get_all(forward::TRACESTATE);
    let asked = Asked {
        scheme: admitted.connection.listener.scheme(),
        port: admitted.host.port(),
        state: &state.collect::<Vec<_>>(),
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
