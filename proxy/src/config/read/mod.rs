//! Trees to the typed model, one file a subject. What concerns several subjects is left to `resolve`.

pub(super) mod acme;
pub(super) mod address;
mod admin;
mod answer;
mod certificate;
pub(super) mod challenge;
mod health;
mod host;
mod limits_store;
mod listener;
mod log;
mod network;
mod path;
mod policy;
mod queue;
mod route;
mod server_tls;
mod sticky;
mod target;
mod tls;
mod top;
mod tracing;
mod upstream;
mod url;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    decode::Fields,
    model::{Name, Upstream},
    problem::{Located, Problem, Problems, Span, quoted},
    raw::{Entry, Node, Value},
};

pub(super) use self::{
    acme::IssuerDraft,
    certificate::{CertificateDraft, SourceDraft},
    health::range_pattern,
    listener::ListenerDraft,
    policy::PoliciesDraft,
    route::{ActionDraft, RouteDraft},
    top::{Settings, TABLE as WHOLE},
};

/// What the files read so far hold: every value typed, but names not resolved yet.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) listeners: Vec<ListenerDraft>,
    pub(super) upstreams: Vec<(Upstream, Span)>,
    pub(super) routes: Vec<RouteDraft>,
    pub(super) issuers: Vec<IssuerDraft>,
    pub(super) certificates: Vec<CertificateDraft>,
    pub(super) settings: Settings,
    pub(super) listener_names: Names,
    pub(super) upstream_names: Names,
    pub(super) issuer_names: Names,
    /// Whether something could not be read that may have named upstreams or issuers, so that a missing one proves nothing.
    pub(super) is_partial: bool,
}

impl Draft {
    /// Adds what one file holds. The file's `include`, in the order it was written, is the caller's to follow.
    pub(super) fn read(&mut self, file: &Node, problems: &Problems) -> Vec<Located<String>> {
        let Some(fields) = Fields::of(file, &file.span, &top::TABLE, problems) else {
            self.is_partial = true;
            return Vec::new();
        };
        for entry in fields.named("listeners") {
            if let Some(name) = self.listener_names.claim(entry, "listener", problems) {
                let listener = listener::read(name, entry, problems);
                self.listeners.extend(listener);
            }
        }
        self.is_partial |= !fields.is_sound
            || ["upstreams", "acme"].iter().any(|name| {
                let value = fields.node(name).map(|node| &node.value);
                !matches!(value, None | Some(Value::Map(_) | Value::Null))
            });
        for entry in fields.named("upstreams") {
            if let Some(name) = self.upstream_names.claim(entry, "upstream", problems) {
                let upstream = upstream::read(name, entry, problems);
                self.upstreams
                    .extend(upstream.map(|upstream| (upstream, entry.at.clone())));
            }
        }
        for entry in fields.named("acme") {
            if let Some(name) = self.issuer_names.claim(entry, "issuer", problems) {
                self.issuers.extend(acme::read(name, entry, problems));
            }
        }
        for node in fields.list("certificates").unwrap_or_default() {
            self.certificates.extend(certificate::read(node, problems));
        }
        for node in fields.list("routes").unwrap_or_default() {
            self.routes.extend(route::read(node, problems));
        }
        self.settings.read(&fields);
        top::includes(&fields)
    }
}

/// The names given to listeners, to upstreams or to issuers, and where.
#[derive(Default)]
pub(super) struct Names(HashMap<Name, Span>);

impl Names {
    /// Letters of a name at most: it becomes a metric label.
    const LONGEST: usize = 64;

    /// The form of a name, as a regular expression for the whole of it.
    pub(super) fn pattern() -> String {
        format!("[A-Za-z0-9][A-Za-z0-9._-]{{0,{}}}", Self::LONGEST - 1)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn claim(&mut self, entry: &Entry, what: &str, problems: &Problems) -> Option<Name> {
        let (written, at) = (&*entry.key, &entry.at);
        let is_name = written.starts_with(|c: char| c.is_ascii_alphanumeric())
            && written
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && written.len() <= Self::LONGEST;
        if !is_name {
            let article = if what.starts_with(['i', 'u']) {
                "an"
            } else {
                "a"
            };
            problems.push(
                Problem::error(format!(
                    "{} is no name for {article} {what}",
                    quoted(written)
                ))
                .at(at)
                .hint(
                    "use at most 64 letters, digits, - _ and ., beginning with a letter or digit",
                ),
            );
        }
        if let Some(first) = self.0.get(written) {
            problems.push(
                Problem::error(format!("a second {what} is named {}", quoted(written)))
                    .at(at)
                    .hint(format!("the first is at {first}")),
            );
            return None;
        }
        let name: Name = written.into();
        self.0.insert(Arc::clone(&name), at.clone());
        Some(name)
    }
}

/// A path of the file system; one that is relative starts at the file that names it.
fn file_path(fields: &Fields<'_>, name: &str) -> Option<Located<PathBuf>> {
    let written = fields.text(name)?;
    beside(fields, name, &written, written.value)
}

fn beside(
    fields: &Fields<'_>,
    name: &str,
    at: &Located<&str>,
    written: &str,
) -> Option<Located<PathBuf>> {
    if written.is_empty() || written.contains('\0') {
        fields.problems.push(
            Problem::error(format!(
                "{} takes a path, not {}",
                quoted(name),
                quoted(written)
            ))
            .at_value(at)
            .hint("a relative path starts at the directory of this file"),
        );
        return None;
    }
    let directory = at.span.as_ref().and_then(|span| span.file.parent());
    Some(Located {
        value: directory.unwrap_or(Path::new("")).join(written),
        span: at.span.clone(),
    })
}

/// Reports every value that an earlier one of the same list equals.
fn refuse_doubles<'a, T: Eq + std::hash::Hash + 'a>(
    values: impl IntoIterator<Item = (&'a T, &'a Span)>,
    what: impl Fn(&T) -> String,
    problems: &Problems,
) {
    let mut seen = HashMap::new();
    for (value, at) in values {
        if let Some(first) = seen.get(value) {
            problems.push(
                Problem::error(format!("{} stands here a second time", what(value)))
                    .at(at)
                    .hint(format!("the first is at {first}")),
            );
        } else {
            seen.insert(value, at);
        }
    }
}
