//! Another server decides whether a request may pass: what it is asked, and what its answer means.
//!
//! The contract is that of Traefik's `forwardAuth` and Caddy's `forward_auth`: a GET with `X-Forwarded-Method`, `-Proto`, `-Host`,
//! `-Uri` and `-For`, and no body; 2xx lets the request pass and may add to it; any other answer is the client's. The asking is
//! done by `gateway/inquiry.rs`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::{Applied, Request, Verdict};
use crate::{
    admit::{Response, X_FORWARDED_PROTO, is_claim, is_passed_on, options},
    balance::Upstream,
    config::model,
    forward::{self, Fields, Origin, taken_for},
    respond::{Answer, Refusal},
};

const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Bytes of a body that is given on at most.
pub const LARGEST_BODY: usize = 64 << 10;

/// By which servers that decide say who it is, for the log.
const USERS: [&str; 4] = [
    "remote-user",
    "x-forwarded-user",
    "x-auth-request-user",
    "x-authentik-username",
];

/// Who is asked, and how.
#[derive(Debug)]
pub struct ForwardAuth {
    upstream: Arc<Upstream>,
    path: Box<str>,
    request_headers: Option<Box<[HeaderName]>>,
    copy_headers: Box<[HeaderName]>,
    copy_cookies: Box<[Box<str>]>,
    timeout: Duration,
}

impl ForwardAuth {
    pub fn new(spec: &model::ForwardAuth, upstream: Arc<Upstream>) -> Self {
        Self {
            upstream,
            path: spec.path.clone(),
            request_headers: spec.request_headers.clone(),
            copy_headers: spec.copy_headers.clone(),
            copy_cookies: spec.copy_cookies.clone(),
            timeout: spec.timeout,
        }
    }

    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// For all of it.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The head of the question, as HTTP/1.1 has it.
    ///
    /// What policies before this one have made of the request is seen, as the server will see it. Claims are those that the
    /// server will see too; a path is in normal form, so that no spelling means another thing to who decides than to the server.
    pub fn question(
        &self,
        request: &Request<'_>,
        origin: &Origin<'_>,
        applied: &Applied,
    ) -> Vec<u8> {
        let mut fields = self.shown(request);
        forward::request(&mut fields, origin);
        // Names with `_` may pass to servers, but who decides is not told by the client what it decides on.
        fields.remove_where(|name| taken_for(name).is_some_and(|other| is_claim(&other)));
        applied.request(&mut fields);
        let uri = format!("{}{}", request.path, request.query);
        let port = request.port.unwrap_or(default_port(&fields));
        // Of a trusted proxy, the port that its own client used.
        fields
            .entry(X_FORWARDED_PORT)
            .or_insert(HeaderValue::from(port));
        for (name, value) in [
            (X_FORWARDED_METHOD, request.method.as_str()),
            (X_FORWARDED_URI, &uri),
        ] {
            // Both were admitted, so that they are valid values.
            if let Ok(value) = HeaderValue::from_str(value) {
                fields.insert(name, value);
            }
        }
        let mut head = format!("{} {} HTTP/1.1\r\n", Method::GET, self.path).into_bytes();
        for (name, value) in &fields {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// What of the client's fields is shown.
    fn shown(&self, request: &Request<'_>) -> HeaderMap {
        let nominated: Vec<_> = options(request.fields).collect();
        let is_shown = |name: &HeaderName| {
            let is_wanted = match &self.request_headers {
                None => true,
                // A trusted proxy's claims are part of ours.
                Some(wanted) => wanted.contains(name) || is_passed_on(name.as_str()),
            };
            let is_it = |option: &&[u8]| name.as_str().as_bytes().eq_ignore_ascii_case(option);
            is_wanted && !is_of_message(name) && !nominated.iter().any(is_it)
        };
        request.fields.named_where(is_shown).into_iter().collect()
    }

    /// What the answer means for the request, and what the server, the client and the log are told of it.
    pub fn rule(
        &self,
        answer: Response,
        request: &Request<'_>,
        request_id: &str,
        applied: &mut Applied,
    ) -> Verdict {
        if !answer.status.is_success() {
            return given_on(answer, request_id);
        }
        applied.reserve(&self.copy_headers, request.fields);
        for name in &self.copy_headers {
            let Some(value) = joined(&answer.fields, name) else {
                continue;
            };
            if USERS.contains(&name.as_str()) && applied.user.is_none() {
                applied.user = value.to_str().ok().map(Into::into);
            }
            applied.request_fields.retain(|(before, _)| before != name);
            applied.request_fields.push((name.clone(), value));
        }
        for cookie in answer.fields.get_all(header::SET_COOKIE) {
            if self.is_copied(cookie) {
                let cookie = (header::SET_COOKIE, cookie.clone());
                applied.response_fields.push(cookie);
            }
        }
        Verdict::Continue
    }

    fn is_copied(&self, cookie: &HeaderValue) -> bool {
        let name = cookie.as_bytes().split(|byte| *byte == b'=').next();
        let name = name.unwrap_or_default().trim_ascii();
        let mut copied = self.copy_cookies.iter();
        copied.any(|copied| copied.as_bytes() == name)
    }
}

/// An answer that does not let the request pass: status, fields and body as they came, but for what belongs to the connection.
fn given_on(answer: Response, request_id: &str) -> Verdict {
    let Response {
        status,
        mut fields,
        body,
        ..
    } = answer;
    if body.len() > LARGEST_BODY {
        return Verdict::Refuse(Refusal::AuthUnavailable("its answer is too large"));
    }
    forward::response(&mut fields, request_id, false);
    for name in [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TRAILER,
        header::TE,
        header::DATE,
    ] {
        Fields::remove(&mut fields, &name);
    }
    let named = fields
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    Verdict::Answer(Answer {
        status,
        fields: named.collect(),
        body: Bytes::from(body),
    })
}

/// That of the scheme which is claimed: behind a proxy that ends TLS it is not that of the connection. Proxies in a row may
/// each have said theirs, the client's first; some say `wss`.
fn default_port(fields: &HeaderMap) -> u16 {
    let schemes = fields.get(X_FORWARDED_PROTO).map(HeaderValue::as_bytes);
    let first = schemes.and_then(|schemes| schemes.split(|byte| *byte == b',').next());
    let scheme = first.unwrap_or_default().trim_ascii();
    let is_secure = [&b"https"[..], b"wss"].map(|it| scheme.eq_ignore_ascii_case(it));
    if is_secure.contains(&true) { 443 } else { 80 }
}

/// All fields of a name as one, as lists are joined (RFC 9110 section 5.2).
fn joined(fields: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut all = fields.get_all(name).iter();
    let first = all.next()?;
    let rest: Vec<&[u8]> = all.map(HeaderValue::as_bytes).collect();
    if rest.is_empty() {
        return Some(first.clone());
    }
    let joined = [&[first.as_bytes()], rest.as_slice()]
        .concat()
        .join(&b", "[..]);
    HeaderValue::from_bytes(&joined).ok()
}

/// Fields of the client's own message and connection (RFC 9110 section 7.6.1), or that make sense with the answer of the server
/// alone: a part of it, or whether it has changed.
fn is_of_message(name: &HeaderName) -> bool {
    let text = name.as_str();
    text.starts_with("content-")
        || text.starts_with("if-")
        || matches!(text, "keep-alive" | "proxy-connection")
        || matches!(
            *name,
            header::CONNECTION
                | header::EXPECT
                | header::PROXY_AUTHORIZATION
                | header::RANGE
                | header::TE
                | header::TRAILER
                | header::TRANSFER_ENCODING
                | header::UPGRADE
        )
}

#[cfg(test)]
mod tests;
