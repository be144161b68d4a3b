//! CORS: which pages of other origins may read what the servers answer (the Fetch standard, section 3.3).
//!
//! The edge speaks for the servers. It answers preflights itself, and whatever a server says of CORS is replaced. A request
//! of an origin that is not allowed passes all the same, without these fields: it is the browser that keeps the page from
//! reading its answer. `Access-Control-Request-Private-Network` is not answered: browsers have given those preflights up.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
        ORIGIN,
    },
};

use super::{Request, Verdict, vary::vary_by};
use crate::{
    admit::FieldView,
    config::model::{self, Names, OriginPattern, Origins},
    forward::Fields,
    respond::Answer,
};

const ANYONE: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The fields, ready to be sent.
#[derive(Debug)]
pub struct Cors {
    spec: Arc<model::Cors>,
    headers: Headers,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
}

/// What a page may send.
#[derive(Debug)]
enum Headers {
    /// Whatever it asks for.
    Asked,
    These(HeaderValue),
    None,
}

/// The method of the request that a preflight announces; nothing if this is no preflight.
pub fn preflight(method: &Method, fields: FieldView<'_>) -> Option<Method> {
    if *method != Method::OPTIONS || !fields.contains(ORIGIN) {
        return None;
    }
    let announced = fields.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    Method::from_bytes(announced).ok()
}

impl Cors {
    pub fn new(spec: &Arc<model::Cors>) -> Self {
        Self {
            headers: match &spec.headers {
                Names::Any => Headers::Asked,
                Names::Listed(names) => list(names).map_or(Headers::None, Headers::These),
            },
            expose: match &spec.expose {
                Names::Any => Some(ANYONE),
                Names::Listed(names) => list(names),
            },
            max_age: HeaderValue::from(spec.max_age.as_secs()),
            spec: Arc::clone(spec),
        }
    }

    /// A preflight is answered here; what it is told is said by `Self::respond`.
    pub fn judge(&self, request: &Request<'_>) -> Verdict {
        match request.announced {
            None => Verdict::Continue,
            Some(_) => Verdict::Answer(Answer {
                status: StatusCode::NO_CONTENT,
                fields: Vec::new(),
                body: Bytes::new(),
            }),
        }
    }

    pub(super) fn respond(&self, fields: &mut impl Fields, request: &Request<'_>) {
        fields.remove_where(|name| name.starts_with("access-control-"));
        let depends_on_origin = self.spec.origins != Origins::Any;
        if depends_on_origin {
            vary_by(fields, "Origin");
        }
        if request.announced.is_some() && matches!(self.headers, Headers::Asked) {
            vary_by(fields, "Access-Control-Request-Headers");
        }
        let Some(origin) = self.allowed(request.fields) else {
            return;
        };
        fields.set(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.spec.credentials {
            fields.set(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(announced) = request.announced {
            // Of this method alone: another may lead to a route with another policy, and browsers remember what they are told.
            if self.spec.methods.contains(announced) {
                fields.set(ACCESS_CONTROL_ALLOW_METHODS, value(announced.as_str()));
            }
            if let Some(headers) = self.headers(request.fields) {
                fields.set(ACCESS_CONTROL_ALLOW_HEADERS, headers);
            }
            fields.set(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        } else if let Some(expose) = &self.expose {
            fields.set(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    /// Who is said to be allowed: everybody, or the one origin that asks.
    fn allowed(&self, fields: FieldView<'_>) -> Option<HeaderValue> {
        let Origins::Listed(patterns) = &self.spec.origins else {
            return Some(ANYONE);
        };
        let mut origins = fields.get_all(ORIGIN);
        let origin = origins.next().filter(|_| origins.next().is_none())?;
        let text = str::from_utf8(origin).ok()?;
        let is_allowed = patterns.iter().any(|pattern| matches(pattern, text));
        is_allowed.then(|| HeaderValue::from_bytes(origin).ok())?
    }

    /// What a page may send, as it is told.
    fn headers(&self, fields: FieldView<'_>) -> Option<HeaderValue> {
        match &self.headers {
            Headers::These(names) => Some(names.clone()),
            Headers::None => None,
            // A `*` would leave out `Authorization`, and mean nothing where credentials come along.
            Headers::Asked => fields
                .get(ACCESS_CONTROL_REQUEST_HEADERS)
                .filter(|asked| are_names(asked))
                .and_then(|asked| HeaderValue::from_bytes(asked).ok()),
        }
    }
}

/// Byte by byte, as browsers write an origin in one way alone.
fn matches(pattern: &OriginPattern, origin: &str) -> bool {
    match pattern {
        OriginPattern::Exact(exact) => exact == origin,
        OriginPattern::Below { scheme, suffix } => {
            let host = origin.strip_prefix(scheme.as_str());
            let left = host.and_then(|host| host.strip_suffix(suffix.as_str()));
            left.is_some_and(|left| left.split('.').all(is_label))
        }
    }
}

/// Nothing that could end a host before the suffix, such as `/`, `:` or `@`.
fn is_label(label: &str) -> bool {
    let is_letter = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    !label.is_empty() && label.bytes().all(is_letter)
}

fn are_names(list: &[u8]) -> bool {
    let mut names = list.split(|byte| *byte == b',');
    names.all(|name| HeaderName::from_bytes(name.trim_ascii()).is_ok())
}

fn list(names: &[HeaderName]) -> Option<HeaderValue> {
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| value(&names.join(", ")))
}

#[expect(
    clippy::expect_used,
    reason = "names of methods and headers are valid in a value"
)]
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("a valid value")
}

#[cfg(test)]
mod tests;
