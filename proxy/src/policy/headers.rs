//! Edits of header fields, as the operator wrote them: on the way to the server, and on the way to the client.

use std::{fmt::Write, sync::Arc};

use http::{HeaderValue, header::HOST};

use super::{Applied, Facts};
use crate::{
    admit::Host,
    config::model::{self, Edits, NamePattern, Piece, Placeholder, Template},
    forward::{Fields, guard, taken_for},
};

/// The edits were compiled when they were read.
#[derive(Debug)]
pub struct Headers(Arc<model::Headers>);

impl Headers {
    pub fn new(spec: &Arc<model::Headers>) -> Self {
        Self(Arc::clone(spec))
    }

    /// What the server sees: each try begins with the client's own fields, so each is edited once.
    pub(super) fn request(&self, fields: &mut impl Fields, applied: &Applied, facts: &Facts<'_>) {
        let edits = &self.0.request;
        remove_lookalikes(fields, edits, applied);
        edit(fields, edits, applied, facts);
    }

    /// What the client sees.
    pub(super) fn respond(&self, fields: &mut impl Fields, applied: &Applied, facts: &Facts<'_>) {
        edit(fields, &self.0.response, applied, facts);
    }
}

/// Sees to it that no server takes what the client said for what is removed or set: names with `_` in the place of `-`, which
/// some servers read as the same. What policies say stays, whatever its name.
fn remove_lookalikes(fields: &mut impl Fields, edits: &Edits, applied: &Applied) {
    let is_edited = |other: &str| {
        let mut set = edits.set.iter();
        let mut removed = edits.remove.iter();
        set.any(|(name, _)| name.as_str() == other)
            || removed.any(|pattern| match pattern {
                NamePattern::Exact(name) => name.as_str() == other,
                NamePattern::Prefix(prefix) => other.starts_with(prefix),
            })
    };
    fields.remove_where(|name| {
        let mut ours = applied.request_fields.iter();
        taken_for(name).is_some_and(|other| is_edited(&other))
            && !ours.any(|(ours, _)| ours == name)
    });
}

fn edit(fields: &mut impl Fields, edits: &Edits, applied: &Applied, facts: &Facts<'_>) {
    let Edits { remove, set, add } = edits;
    for pattern in remove {
        match pattern {
            NamePattern::Exact(name) => fields.remove(name),
            NamePattern::Prefix(prefix) => {
                fields.remove_where(|name| name.starts_with(prefix) && guard(name).is_none());
            }
        }
    }
    for (name, template) in set {
        let value = value(template, applied, facts);
        if *name == HOST {
            // There is always one: what is no host leaves the one that was asked for.
            if let Some(host) = value.filter(|host| Host::parse(host.as_bytes()).is_ok()) {
                fields.set(HOST, host);
            }
            continue;
        }
        match value {
            Some(value) => fields.set(name.clone(), value),
            // Never what somebody else said under a name that is set.
            None => fields.remove(name),
        }
    }
    for (name, template) in add {
        if let Some(value) = value(template, applied, facts) {
            fields.add(name.clone(), value);
        }
    }
}

/// The value for this exchange; none if it comes out empty, or holds what no field may: so no line can be broken.
fn value(template: &Template, applied: &Applied, facts: &Facts<'_>) -> Option<HeaderValue> {
    let pieces = match template {
        Template::Fixed(value) => return Some(value.clone()), // counts a reference, copies nothing
        Template::Made(pieces) => pieces,
    };
    let mut text = String::with_capacity(64);
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Value(placeholder) => fill(&mut text, *placeholder, applied, facts),
        }
    }
    let text = text.trim_ascii();
    if text.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

fn fill(text: &mut String, placeholder: Placeholder, applied: &Applied, facts: &Facts<'_>) {
    let request = &facts.request;
    text.push_str(match placeholder {
        Placeholder::ClientIp => {
            let written = write!(text, "{}", request.client);
            debug_assert!(written.is_ok(), "a string takes everything");
            return;
        }
        Placeholder::Host => request.host,
        Placeholder::Path => request.path,
        Placeholder::Query => request.query.strip_prefix('?').unwrap_or_default(),
        Placeholder::Method => request.method.as_str(),
        Placeholder::Scheme => request.scheme(),
        Placeholder::RequestId => facts.request_id,
        Placeholder::TraceId => facts.trace_id,
        Placeholder::User => applied.user.as_deref().unwrap_or_default(),
        Placeholder::Route => facts.route,
        Placeholder::Upstream => facts.upstream,
        Placeholder::Server => facts.server,
    });
}

#[cfg(test)]
mod tests;
