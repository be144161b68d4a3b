//! A route, ready to be followed: its upstream found, its answer made, its meters bound.

use std::sync::Arc;

use http::StatusCode;

use super::Upstreams;
use crate::{
    balance::Upstream,
    config::model::{self, HostPattern, PathPattern},
    observe::{Metrics, RouteMeters},
    policy::{Policies, Request, Workshop, file},
    respond::{Answer, Fixed, Redirect, Refusal, media},
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
    Redirect(Redirect),
    Respond(Fixed),
}

impl Route {
    pub(super) fn build(
        spec: &model::Route,
        upstreams: &Upstreams,
        metrics: &Arc<Metrics>,
        workshop: &mut Workshop<'_>,
    ) -> Self {
        let label = label(spec);
        let action = action(spec, upstreams, workshop);
        let upstream = match &action {
            Action::Forward { upstream, .. } => upstream.name(),
            Action::Redirect(_) | Action::Respond(_) => "",
        };
        Self {
            meters: metrics.route(&label, upstream),
            policies: Policies::build(&spec.policies, &label, workshop),
            label,
            action,
        }
    }

    /// What is answered without a server; `None` where one is asked.
    ///
    /// # Errors
    /// It is a redirect of other paths than this one.
    pub fn answer(&self, request: &Request<'_>) -> Result<Option<Answer>, Refusal> {
        match &self.action {
            Action::Forward { .. } => Ok(None),
            Action::Redirect(redirect) => redirect.answer(&request.asked()).map(Some),
            Action::Respond(fixed) => Ok(Some(fixed.answer(request.method, request.fields))),
        }
    }

    /// Bytes of the path that are taken off before the server sees it; `None` where there is no server.
    pub fn strip(&self) -> Option<usize> {
        match &self.action {
            Action::Forward { strip, .. } => Some(*strip),
            Action::Redirect(_) | Action::Respond(_) => None,
        }
    }
}

fn action(spec: &model::Route, upstreams: &Upstreams, workshop: &mut Workshop<'_>) -> Action {
    match &spec.action {
        model::Action::Forward {
            upstream,
            strip_prefix,
        } => {
            let Some(upstream) = upstreams.get(*upstream) else {
                // `config` resolved the index against the same list.
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Action::Respond(Fixed::text(status, "", None));
            };
            let strip = match &spec.path {
                PathPattern::Prefix(prefix) if *strip_prefix && prefix != "/" => prefix.len(),
                PathPattern::Exact(path) if *strip_prefix => path.len(),
                _ => 0,
            };
            Action::Forward {
                upstream: Arc::clone(upstream),
                strip,
            }
        }
        model::Action::Redirect { target, status } => {
            Action::Redirect(Redirect::new(*status, target.clone()))
        }
        model::Action::Respond {
            status,
            body,
            media: said,
        } => Action::Respond(match body {
            model::Body::Text(text) => Fixed::text(*status, text, said.clone()),
            model::Body::File(path) => {
                let content = file::content(path, workshop.problems).unwrap_or_default();
                let media = said.clone().unwrap_or_else(|| media::of(&path.value));
                Fixed::file(*status, content, media)
            }
        }),
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
