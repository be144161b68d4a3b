//! What routes answer by themselves, and what servers are asked for in the place of what clients ask for.

use std::time::Duration;

use http::StatusCode;

use super::defaults::load;
use crate::config::model::{Action, Body, ErrorStatus, Maintenance, Notice, Rewrite, Route};

#[test]
fn a_redirect_and_a_rewrite_differ_in_what_becomes_of_the_query() {
    let config = load(
        "
listeners: { http: { bind: ':8080' } }
upstreams: { app: { servers: [127.0.0.1:3000] } }
routes:
  - { path: /a, redirect: { to: /new } }
  - { path: /b, redirect: { to: /new, keep_query: true } }
  - { path: /c, upstream: app, rewrite: { to: /new } }
  - { path: /d, upstream: app, rewrite: { to: /new, keep_query: false } }
  - { path: /e, upstream: app, rewrite: { to: '/new?{query}' } }
  - { path: /f, upstream: app, rewrite: { add_prefix: /v1 } }
  - { path: /g, upstream: app, rewrite: false }
",
    );
    let keeps = |route: &Route| match (&route.action, route.policies.rewrite.as_deref()) {
        (Action::Redirect { target, .. }, _) | (_, Some(Rewrite::To(target))) => {
            Some(target.keep_query)
        }
        _ => None,
    };
    let kept: Vec<_> = config.routes.iter().map(keeps).collect();
    let [no, yes] = [Some(false), Some(true)];
    assert_eq!(kept, [no, yes, yes, no, no, None, None]);
    let prefix = Some(Rewrite::AddPrefix("/v1".to_owned()));
    assert_eq!(
        config.routes[5].policies.rewrite.as_deref().cloned(),
        prefix
    );
    assert!(config.routes[6].policies.rewrite.is_none());
}

#[test]
fn maintenance_and_error_pages_have_the_documented_defaults() {
    let config = load(
        "
listeners: { http: { bind: ':8080' } }
defaults:
  maintenance: { body: At noon. }
  error_pages: { 5xx: [5xx.html, 5xx.json], 404: pages/404.txt }
routes:
  - { path: /a, respond: { body: a }, maintenance: true, error_pages: false }
  - { path: /b, respond: { body: b, content_type: text/html }, maintenance: false }
  - { path: /c, respond: { file: c.html } }
",
    );
    let [a, b, c] = &config.routes[..] else {
        panic!("{:?}", config.routes);
    };
    assert_eq!(
        a.policies.maintenance.as_deref(),
        Some(&Maintenance::default())
    );
    assert!(a.policies.error_pages.is_none() && b.policies.maintenance.is_none());
    let sentence = Maintenance {
        notice: Notice::Sentence("At noon.".to_owned()),
        ..Maintenance::default()
    };
    assert_eq!(c.policies.maintenance.as_deref(), Some(&sentence));
    assert_eq!(sentence.status, 503);
    assert_eq!(sentence.retry_after, Duration::from_secs(300));
    let pages = c.policies.error_pages.as_deref().unwrap();
    assert_eq!(config.defaults.error_pages.as_deref(), Some(pages));
    assert!(!pages.servers);
    let files: Vec<_> = pages
        .pages
        .iter()
        .map(|(of, files)| (*of, files.len()))
        .collect();
    let one = ErrorStatus::One(StatusCode::NOT_FOUND);
    assert_eq!(files, [(ErrorStatus::Server, 2), (one, 1)]);
    assert!(
        matches!(&c.action, Action::Respond { body: Body::File(file), media: None, .. } if file.value.ends_with("c.html"))
    );
    assert!(
        matches!(&b.action, Action::Respond { media: Some(media), .. } if media == "text/html")
    );
}
