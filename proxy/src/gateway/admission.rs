//! Admit: who asks, for which host and path.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};

use super::{Exchange, exchange::Admitted, head::Head};
use crate::{
    admit::{
        FieldView, Host, RequestId, TraceParent, X_FORWARDED_FOR, X_REQUEST_ID, client_of, head2,
        normalise, trace_context,
    },
    forward,
    listen::{Connection, Pace},
    observe::Trace,
    respond::{Answer, Refusal},
    route::Methods,
    snapshot::Snapshot,
};

/// Crumbs of a cookie that are one field: browsers keep at most 180 cookies of a host.
const CRUMBS: usize = 200;

/// Admits a request or refuses it. Who asks and the request's id are known either way.
pub(super) fn admit(
    head: Head<'_>,
    connection: &Arc<Connection>,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    let limits = &connection.listener.settings.limits;
    let is_h2 = head.version == Version::HTTP_2;
    if is_h2 && !is_grpc(head.fields) {
        exchange.pace = Pace::new(limits.min_rate.get(), limits.body_idle_timeout);
    }
    let admitted = identify(head, Arc::clone(connection), &exchange.snapshot);
    exchange.trace = trace(head.fields, admitted.trusted, &exchange.snapshot);
    let admitted = exchange.admitted.insert(admitted);
    if connection.is_overloaded() {
        return Err(Refusal::HeaderTooLarge);
    }
    if head.target.len() as u64 > limits.uri_size.get() {
        return Err(Refusal::UriTooLong);
    }
    if count(head.fields) > limits.header_count {
        connection.retire(); // by HTTP/2 too: crumbs cost their sender two bytes each
        return Err(Refusal::HeaderTooLarge);
    }
    if *head.method == Method::CONNECT {
        return Err(Refusal::MethodNotAllowed(Methods::any()));
    }
    let announced = if is_h2 {
        head2::check(head.target, head.fields)?
    } else {
        head.fields.get(header::CONTENT_LENGTH).and_then(length)
    };
    admitted.host = host(head)?;
    let (path, query) = split_target(head)?;
    admitted.query_at = head.target.len().saturating_sub(query.len()); // which it ends with
    admitted.path = match path {
        "*" if *head.method == Method::OPTIONS => "*".into(), // leads nowhere; no server is asked
        path => normalise(path)?.into(),
    };
    if announced.is_some_and(|length| length > limits.body_size.get()) {
        return Err(Refusal::BodyTooLarge);
    }
    match &connection.tls {
        Some(tls)
            if !exchange
                .snapshot
                .certificates
                .covers_both(&tls.server_name, admitted.host.name()) =>
        {
            Err(Refusal::Misdirected)
        }
        _ => Ok(()),
    }
}

/// Fields, with the crumbs of a cookie as the one field that an HTTP/1 client would send (RFC 9113 section 8.2.3).
fn count(fields: FieldView<'_>) -> usize {
    let crumbs = fields.get_all(header::COOKIE).count();
    fields.len() - crumbs.saturating_sub(1).min(CRUMBS)
}

fn identify(head: Head<'_>, connection: Arc<Connection>, snapshot: &Snapshot) -> Admitted {
    let peer = connection.peer.ip();
    let trusted = snapshot.trusted_proxies.contains(peer);
    let forwarded_for = head.fields.get_all(X_FORWARDED_FOR);
    let client = client_of(peer, forwarded_for, &snapshot.trusted_proxies);
    let given = head.fields.get(X_REQUEST_ID).filter(|_| trusted);
    let id = given
        .and_then(RequestId::accept)
        .unwrap_or_else(|| RequestId::new(fastrand::u128(..).to_be_bytes()));
    Admitted {
        carried: connection.carry(head.size()),
        connection,
        client,
        trusted,
        id,
        host: Host::default(),
        path: Box::default(),
        query_at: usize::MAX,
        announced: None,
    }
}

/// Where the request stands in a trace, if traces are sent.
fn trace(fields: FieldView<'_>, is_trusted: bool, snapshot: &Snapshot) -> Option<Trace> {
    let lines = |name: HeaderName| fields.get_all(name);
    let tracer = snapshot.tracer.as_ref()?;
    let said = TraceParent::of(lines(forward::TRACEPARENT));
    let state = || trace_context::is_state(lines(forward::TRACESTATE));
    Some(tracer.begin(said, is_trusted, state))
}

/// The host that is asked for. Only HTTP/1.0 may leave it out (RFC 9112 section 3.2).
///
/// A target that names one goes before `Host`, which may only say the same (RFC 9113 section 8.3.1).
fn host(head: Head<'_>) -> Result<Host<'static>, Refusal> {
    let mut hosts = head.fields.get_all(header::HOST);
    let field = hosts.next().map(Host::parse);
    if hosts.next().is_some() {
        return Err(Refusal::Malformed("there is more than one Host"));
    }
    let target = authority(head).map(|authority| Host::parse(authority.as_bytes()));
    match (target.transpose()?, field.transpose()?) {
        (Some(target), Some(host)) if target != host => {
            Err(Refusal::Malformed("the target's host is not that of Host"))
        }
        (Some(host), _) | (None, Some(host)) => Ok(host.into_owned()),
        (None, None) if head.version == Version::HTTP_10 => Ok(Host::default()),
        (None, None) => Err(Refusal::Malformed("the host is missing")),
    }
}

/// The authority within the target: `:authority` in HTTP/2, part of the absolute form before.
fn authority(head: Head<'_>) -> Option<&str> {
    if head.version == Version::HTTP_2 {
        return head.authority;
    }
    if head.target.starts_with(b"/") {
        return None;
    }
    let raw = std::str::from_utf8(head.target).ok()?;
    let (_, rest) = raw.split_once("://")?;
    rest.split(['/', '?']).next()
}

/// Path and query of the request's target, which ends with them; the query with its `?`, or empty.
fn split_target(head: Head<'_>) -> Result<(&str, &str), Refusal> {
    let raw = std::str::from_utf8(head.target).ok();
    let raw = raw.ok_or(Refusal::Malformed("the target is not ASCII"))?;
    let origin_form = if raw.starts_with('/') {
        raw
    } else if let Some((_, rest)) = raw.split_once("://") {
        // Absolute form (RFC 9112 section 3.2.2); a colon cannot stand before the path otherwise.
        rest.find(['/', '?'])
            .map_or("", |at| rest.get(at..).unwrap_or(""))
    } else {
        raw
    };
    let (path, query) = match origin_form.find('?') {
        Some(at) => origin_form.split_at(at),
        None => (origin_form, ""),
    };
    Ok((if path.is_empty() { "/" } else { path }, query))
}

/// The query as it was sent, with its `?`; empty if there is none.
pub(super) fn query<'a>(head: Head<'a>, admitted: &Admitted) -> &'a str {
    let query = head.target.get(admitted.query_at..).unwrap_or_default();
    std::str::from_utf8(query).unwrap_or_default()
}

/// The path for the log: in normal form, or as it was sent if it has none.
pub(super) fn logged_path<'a>(head: Head<'a>, admitted: &'a Admitted) -> &'a str {
    if admitted.path.is_empty() {
        split_target(head).map_or("", |(path, _)| path)
    } else {
        &admitted.path
    }
}

/// Its messages come when there is something to say, which may be seldom.
fn is_grpc(fields: FieldView<'_>) -> bool {
    let content = fields.get(header::CONTENT_TYPE);
    content.is_some_and(|value| value.starts_with(b"application/grpc"))
}

fn length(value: &[u8]) -> Option<u64> {
    str::from_utf8(value).ok()?.trim().parse().ok()
}

/// What the server is asked for: the normal form, less `strip` bytes of prefix, with the query as sent.
pub(super) fn target(head: Head<'_>, admitted: &Admitted, strip: usize) -> String {
    format!(
        "{}{}",
        stripped(&admitted.path, strip),
        query(head, admitted)
    )
}

/// A path less `strip` bytes of prefix, which are whole segments.
pub(super) fn stripped(path: &str, strip: usize) -> &str {
    path.get(strip..)
        .filter(|rest| !rest.is_empty())
        .unwrap_or("/")
}

/// The same host and path under `https`. Both are in normal form, so no trick of spelling can make
/// the redirect lead elsewhere.
pub(super) fn redirect_to_https(
    head: Head<'_>,
    admitted: &Admitted,
    port: u16,
) -> Result<Answer, Refusal> {
    if admitted.host.name().is_empty() {
        return Err(Refusal::Malformed("there is no host to redirect to"));
    }
    if !admitted.path.starts_with('/') {
        return Err(Refusal::Malformed("there is no path to redirect to"));
    }
    let port = if port == 443 {
        String::new()
    } else {
        format!(":{port}")
    };
    let target = target(head, admitted, 0);
    let to = format!("https://{}{port}{target}", admitted.host.name());
    match HeaderValue::try_from(to) {
        Ok(to) => Ok(Answer::redirect(StatusCode::PERMANENT_REDIRECT, to)),
        Err(_) => Err(Refusal::Malformed("the target is not ASCII")),
    }
}
