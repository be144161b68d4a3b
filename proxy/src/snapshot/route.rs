//! A route, ready to be followed: its upstream found, its answer made, its meters bound.

use std::sync::Arc;

use super::Upstreams;
use crate::{
    balance::Upstream,
    config::model::{self, HostPattern, PathPattern},
    observe::{Metrics, RouteMeters},
    policy::{Policies, Workshop},
    respond::Answer,
};

pub struct Route {
    /// Host and path, as `example.ch/api`; a metric label.
    pub label: Box<str>,
    pub action: Action,
    pub policies: Policies,
    pub meters: Arc<RouteMeters>,
}

/// What becomes of a request on this route.
pub enum Action {
    Forward {
        upstream: Arc<Upstream>,
        /// Bytes of the path that are taken off before the server sees it.
        strip: usize,
    },
    Answer(Answer),
}

impl Route {
    pub(super) fn build(
        spec: &model::Route,
        upstreams: &Upstreams,
        metrics: &Arc<Metrics>,
        workshop: &mut Workshop<'_>,
    ) -> Self {
        let label = label(spec);
        let action = action(spec, upstreams);
        let upstream = match &action {
            Action::Forward { upstream, .. } => upstream.name(),
            Action::Answer(_) => "",
        };
        Self {
            meters: metrics.route(&label, upstream),
            policies: Policies::build(&spec.policies, &label, workshop),
            label,
            action,
        }
    }
}

fn action(spec: &model::Route, upstreams: &Upstreams) -> Action {
    match &spec.action {
        model::Action::Forward {
            upstream,
            strip_prefix,
        } => match upstreams.get(*upstream) {
            Some(upstream) => Action::Forward {
                upstream: Arc::clone(upstream),
                strip: match &spec.path {
                    PathPattern::Prefix(prefix) if *strip_prefix && prefix != "/" => prefix.len(),
                    PathPattern::Exact(path) if *strip_prefix => path.len(),
                    _ => 0,
                },
            },
            // `config` resolved the index against the same list.
            None => Action::Answer(Answer::fixed(http::StatusCode::INTERNAL_SERVER_ERROR, "")),
        },
        model::Action::Redirect { to, status } => {
            Action::Answer(Answer::redirect(*status, to.clone()))
        }
        model::Action::Respond { status, body } => Action::Answer(Answer::fixed(*status, body)),
    }
}

fn label(spec: &model::Route) -> Box<str> {
    let host = match spec.hosts.first() {
        None => "*".to_owned(),
        Some(HostPattern::Exact(host)) => host.clone(),
        Some(HostPattern::Suffix(suffix)) => format!("*.{suffix}"),
    };
    let path = match &spec.path {
        PathPattern::Prefix(path) => path.clone(),
        PathPattern::Exact(path) => format!("={path}"),
    };
    match spec.methods {
        None => format!("{host}{path}").into(),
        Some(methods) => format!("{host}{path} {methods}").into(),
    }
}
