//! Forward: what does the server see?

use std::borrow::Cow;

use http::{HeaderValue, Version, header};

use super::{Exchange, admission, head::Head, sticky};
use crate::{
    admit::FieldView,
    config::model::UnderscoreHeaders,
    forward::{self, Fields, Origin, Traced},
    respond::Refusal,
};

/// Makes of the client's fields those that the server sees. What speaks of one hop is gone already.
pub(super) fn forward(
    head: Head<'_>,
    exchange: &Exchange,
    fields: &mut impl Fields,
) -> Result<(), Refusal> {
    let dropped = forward::request(fields, &origin(exchange, head.version)?);
    sticky::hide(exchange, fields);
    exchange.request(fields, head);
    if takes_trailers(head.fields) {
        fields.set(header::TE, HeaderValue::from_static("trailers"));
    }
    if let Some(admitted) = exchange
        .admitted
        .as_ref()
        .filter(|_| !exchange.tries.head_sent)
    {
        let meters = &admitted.connection.listener.meters;
        meters.headers_dropped(dropped.underscores, dropped.claims);
    }
    Ok(())
}

/// The target that the server is asked for.
pub(super) fn target<'a>(head: Head<'_>, exchange: &'a Exchange) -> Result<Cow<'a, str>, Refusal> {
    if let Some(target) = &exchange.applied.target {
        return Ok(target.into());
    }
    let admitted = exchange.admitted.as_ref().ok_or(Refusal::Internal)?;
    Ok(admission::target(head, admitted, exchange.strip()).into())
}

/// Where the request came from, as a server may be told.
pub(super) fn origin(exchange: &Exchange, version: Version) -> Result<Origin<'_>, Refusal> {
    let admitted = exchange.admitted.as_ref().ok_or(Refusal::Internal)?;
    let listener = &admitted.connection.listener;
    let server = exchange
        .pick
        .as_ref()
        .map_or("", |pick| &pick.server().label);
    Ok(Origin {
        peer: admitted.connection.peer.ip(),
        peer_text: &admitted.connection.peer_text,
        trusted: admitted.trusted,
        allows_underscores: listener.settings.underscore_headers == UnderscoreHeaders::Allow,
        scheme: listener.scheme(),
        host: &admitted.host,
        server: if server.starts_with("unix:") {
            "localhost"
        } else {
            server
        },
        request_id: admitted.id.as_str(),
        trace: exchange.trace.as_ref().map(|trace| Traced {
            own: *trace.own(),
            passes_state: trace.passes_state(),
        }),
        via: match version {
            Version::HTTP_10 => "1.0 simplon",
            Version::HTTP_2 => "2 simplon",
            _ => "1.1 simplon",
        },
    })
}

/// gRPC servers refuse a request that does not say it takes trailers; Pingora takes `TE` off with the
/// other hop-by-hop fields (RFC 9110 section 10.1.4).
fn takes_trailers(fields: FieldView<'_>) -> bool {
    fields
        .get_all(header::TE)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}
