//! Where the policies of a snapshot are built, each of them once.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Access, BasicAuth, Block, Compress, Cors, Countries, CountryDatabase, Engines, ErrorPages,
    ForwardAuth, Headers, Hsts, Maintenance, MaxInFlight, RateLimit, Rewrite, SecurityHeaders,
    Users,
};
use crate::{
    balance::Upstream,
    config::{
        model::{self, LimitList},
        problem::{Located, Problem, Span},
    },
    limits::Registry,
    tls,
};

/// Lines of a file of users that are told to be wrong.
const MOST_BAD_LINES: usize = 20;

/// What policies are built with, and those that are built already.
pub struct Workshop<'a> {
    /// What is wrong with the world, such as a file that a policy needs.
    pub problems: &'a mut Vec<Problem>,
    pub read: ReadFile<'a>,
    /// The codecs that all of them share.
    pub engines: Arc<Engines>,
    /// Where limits find their live state again.
    pub limits: Arc<Registry>,
    /// None is configured, or it cannot be used; then there is a problem.
    pub country_database: Option<Arc<CountryDatabase>>,
    pub access: Made<model::Access, Access>,
    pub countries: Made<model::Countries, Countries>,
    pub block: Made<model::Block, Block>,
    pub cors: Made<model::Cors, Cors>,
    pub rate_limit: Made<LimitList<model::RateLimit>, RateLimit>,
    pub max_in_flight: Made<LimitList<model::MaxInFlight>, MaxInFlight>,
    pub maintenance: Made<model::Maintenance, Maintenance>,
    basic_auth: Made<model::BasicAuth, BasicAuth>,
    forward_auth: Made<model::ForwardAuth, ForwardAuth>,
    /// By file, which several routes may name; nothing if it cannot be used, which was told once.
    users: HashMap<PathBuf, Option<Arc<Users>>>,
    /// Those of the snapshot that policies may ask.
    upstreams: &'a [Arc<Upstream>],
    pub rewrite: Made<model::Rewrite, Rewrite>,
    pub headers: Made<model::Headers, Headers>,
    pub security_headers: Made<model::SecurityHeaders, SecurityHeaders>,
    pub hsts: Made<model::Hsts, Hsts>,
    pub compress: Made<model::Compress, Compress>,
    pub error_pages: Made<model::ErrorPages, ErrorPages>,
}

/// Gives the content of a file, if it has no more bytes than that.
pub type ReadFile<'a> = &'a dyn Fn(&Path, u64) -> io::Result<Vec<u8>>;

impl<'a> Workshop<'a> {
    pub fn new(problems: &'a mut Vec<Problem>, read: ReadFile<'a>) -> Self {
        Self {
            problems,
            read,
            engines: Arc::default(),
            limits: Arc::default(),
            country_database: None,
            access: Made::default(),
            countries: Made::default(),
            block: Made::default(),
            cors: Made::default(),
            rate_limit: Made::default(),
            max_in_flight: Made::default(),
            maintenance: Made::default(),
            basic_auth: Made::default(),
            forward_auth: Made::default(),
            users: HashMap::new(),
            upstreams: &[],
            rewrite: Made::default(),
            headers: Made::default(),
            security_headers: Made::default(),
            hsts: Made::default(),
            compress: Made::default(),
            error_pages: Made::default(),
        }
    }

    /// With the live state of limits that were built before.
    #[must_use]
    pub fn with_limits(mut self, limits: &Arc<Registry>) -> Self {
        self.limits = Arc::clone(limits);
        self
    }

    /// With the codecs of the process, and the streams that run.
    #[must_use]
    pub fn with_engines(mut self, engines: &Arc<Engines>) -> Self {
        self.engines = Arc::clone(engines);
        self
    }

    /// With upstreams that policies may ask.
    #[must_use]
    pub fn with_upstreams(mut self, upstreams: &'a [Arc<Upstream>]) -> Self {
        self.upstreams = upstreams;
        self
    }

    /// Who may come in; the same for all that share a `spec`.
    pub fn basic_auth(&mut self, spec: Option<&Arc<model::BasicAuth>>) -> Option<Arc<BasicAuth>> {
        let Self {
            users,
            read,
            problems,
            ..
        } = self;
        self.basic_auth.of(spec, |spec| {
            let file = &spec.users;
            let users = users
                .entry(file.value.clone())
                .or_insert_with(|| read_users(file, *read, problems).map(Arc::new));
            Some(BasicAuth::new(spec, Arc::clone(users.as_ref()?)))
        })
    }

    pub(super) fn forward_auth(
        &mut self,
        spec: Option<&Arc<model::ForwardAuth>>,
    ) -> Option<Arc<ForwardAuth>> {
        let upstreams = self.upstreams;
        self.forward_auth.of(spec, |spec| {
            // The configuration knows it. If it is not here, it could not be built, and nothing will be published.
            let mut upstreams = upstreams.iter();
            let upstream = upstreams.find(|upstream| *upstream.name() == spec.upstream.value)?;
            Some(ForwardAuth::new(spec, Arc::clone(upstream)))
        })
    }
}

/// The users of a file, if nothing is wrong with it.
fn read_users(
    file: &Located<PathBuf>,
    read: ReadFile<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Users> {
    let path = &file.value;
    let content = read(path, tls::LONGEST_LIST).map_err(|error| {
        let shown = path.display();
        let problem = Problem::error(format!("cannot read the users of {shown}: {error}"));
        problems.push(problem.at_value(file).hint(
            "paths are relative to the configuration file; the user that runs simplon must be able to read it",
        ));
    });
    let users = Users::parse(&content.ok()?).map_err(|wrong| {
        // Of a file that is something else altogether, a few lines tell it.
        for bad in wrong.iter().take(MOST_BAD_LINES) {
            let place = Span {
                file: path.as_path().into(),
                line: u32::try_from(bad.line).unwrap_or(u32::MAX),
                column: 1,
                width: 1,
            };
            let problem = Problem::error(bad.what.reason());
            problems.push(problem.at(&place).hint(bad.what.hint()));
        }
        if let Some(more) = wrong
            .len()
            .checked_sub(MOST_BAD_LINES)
            .filter(|more| *more > 0)
        {
            let shown = path.display();
            let message = format!("{more} more lines of {shown} are wrong");
            problems.push(Problem::error(message).at_value(file));
        }
    });
    let users = users.ok()?;
    if users.is_empty() {
        let message = format!("nobody may log in: {} names no user", path.display());
        let problem = Problem::warning(message).at_value(file);
        problems.push(problem.hint("add a line with `htpasswd -B FILE NAME`"));
    }
    Some(users)
}

/// What was made of one part of the configuration, however many routes share it.
#[derive(Debug)]
pub struct Made<S, P>(HashMap<*const S, (Arc<S>, Option<Arc<P>>)>);

impl<S, P> Made<S, P> {
    /// What `build` gives for `spec`; it is called once for each.
    pub fn of(
        &mut self,
        spec: Option<&Arc<S>>,
        build: impl FnOnce(&Arc<S>) -> Option<P>,
    ) -> Option<Arc<P>> {
        let spec = spec?;
        // The part is kept, so that no other can come to stand at its address.
        let entry = self.0.entry(Arc::as_ptr(spec));
        let (_, made) = entry.or_insert_with(|| (Arc::clone(spec), build(spec).map(Arc::new)));
        made.clone()
    }
}

impl<S, P> Default for Made<S, P> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_routes_share_is_made_once() {
        let (shared, other) = (Arc::new(1), Arc::new(1));
        let mut made = Made::<i32, i32>::default();
        let mut calls = 0;
        let mut build = |spec: &Arc<i32>| {
            calls += 1;
            Some(**spec)
        };
        let first = made.of(Some(&shared), &mut build);
        let second = made.of(Some(&Arc::clone(&shared)), &mut build);
        let third = made.of(Some(&other), &mut build);
        assert!(made.of(None, &mut build).is_none());
        assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
        assert!(third.is_some());
        assert_eq!(calls, 2);
    }
}
