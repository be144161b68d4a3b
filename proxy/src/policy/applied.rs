//! What the policies of a route have made of one exchange so far.

use http::{HeaderName, HeaderValue};

use super::Verdict;
use crate::{
    admit::FieldView,
    config::model::Mode,
    forward::{Fields, taken_for},
    observe::{PolicyLabel, RouteMeters, Ruling},
};

/// Carried by the exchange from the request to the response and into the log.
#[derive(Debug, Default)]
pub struct Applied {
    /// The policy that answered or refused.
    pub by: Option<PolicyLabel>,
    /// Those that would have refused, but only observe; each once.
    pub observed: Vec<PolicyLabel>,
    /// Who the client has shown to be.
    pub user: Option<Box<str>>,
    /// What the server is asked for, path and query, if a rewrite says so.
    pub target: Option<String>,
    /// What the server is told beside what the client sent, in the place of fields of the same name.
    pub request_fields: Vec<(HeaderName, HeaderValue)>,
    /// Fields of the same name that the client sent are not passed on.
    pub request_removed: Vec<HeaderName>,
    /// What every final response has beside its own fields, refusals among them.
    pub response_fields: Vec<(HeaderName, HeaderValue)>,
}

impl Applied {
    /// What the server sees of it.
    pub fn request(&self, fields: &mut impl Fields) {
        for name in &self.request_removed {
            fields.remove(name);
        }
        for (name, value) in &self.request_fields {
            fields.set(name.clone(), value.clone());
        }
    }

    /// What the client sees of it.
    pub fn respond(&self, fields: &mut impl Fields) {
        for (name, value) in &self.response_fields {
            fields.add(name.clone(), value.clone());
        }
    }

    /// Sees to it that no server takes what a client `sent` for what we say under these names: neither fields of the same name,
    /// nor those with `_` in the place of `-`, which some servers read as the same.
    pub fn reserve(&mut self, names: &[HeaderName], sent: FieldView<'_>) {
        self.request_removed.extend_from_slice(names);
        let is_lookalike = |name: &str| {
            taken_for(name).is_some_and(|other| names.iter().any(|ours| ours.as_str() == other))
        };
        self.request_removed.extend(sent.names_where(is_lookalike));
    }

    /// Counts what a policy decided, and notes it for the log. The refusal of a policy that only observes goes no further.
    pub fn settle(
        &mut self,
        by: PolicyLabel,
        mode: Mode,
        verdict: Verdict,
        meters: &RouteMeters,
    ) -> Verdict {
        let ruling = match (&verdict, mode) {
            (Verdict::Continue, _) => return verdict,
            (Verdict::Refuse(_), Mode::Observe) => {
                if !self.observed.contains(&by) {
                    self.observed.push(by);
                }
                meters.ruled(by, Ruling::Observed);
                return Verdict::Continue;
            }
            (Verdict::Refuse(_), Mode::Enforce) => Ruling::Refused,
            (Verdict::Answer(_), _) => Ruling::Answered,
        };
        self.by = Some(by);
        meters.ruled(by, ruling);
        verdict
    }
}
