//! Where the policies of a snapshot are built, each of them once.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use super::{
    Access, Block, Cors, Countries, CountryDatabase, ErrorPages, Headers, Hsts, Maintenance,
    MaxInFlight, RateLimit, Rewrite, SecurityHeaders,
};
use crate::{
    config::{
        model::{self, LimitList},
        problem::Problem,
    },
    limits::Registry,
};

/// What policies are built with, and those that are built already.
pub struct Workshop<'a> {
    /// What is wrong with the world, such as a file that a policy needs.
    pub problems: &'a mut Vec<Problem>,
    pub read: ReadFile<'a>,
    /// None is configured, or it cannot be used; then there is a problem.
    pub country_database: Option<Arc<CountryDatabase>>,
    pub access: Made<model::Access, Access>,
    pub countries: Made<model::Countries, Countries>,
    pub block: Made<model::Block, Block>,
    /// Where limits find their live state again.
    pub limits: Arc<Registry>,
    pub cors: Made<model::Cors, Cors>,
    pub rate_limit: Made<LimitList<model::RateLimit>, RateLimit>,
    pub max_in_flight: Made<LimitList<model::MaxInFlight>, MaxInFlight>,
    pub maintenance: Made<model::Maintenance, Maintenance>,
    pub rewrite: Made<model::Rewrite, Rewrite>,
    pub headers: Made<model::Headers, Headers>,
    pub security_headers: Made<model::SecurityHeaders, SecurityHeaders>,
    pub hsts: Made<model::Hsts, Hsts>,
    pub error_pages: Made<model::ErrorPages, ErrorPages>,
}

/// Gives the content of a file, if it has no more bytes than that.
pub type ReadFile<'a> = &'a dyn Fn(&Path, u64) -> io::Result<Vec<u8>>;

impl<'a> Workshop<'a> {
    pub fn new(problems: &'a mut Vec<Problem>, read: ReadFile<'a>) -> Self {
        Self {
            problems,
            read,
            country_database: None,
            access: Made::default(),
            countries: Made::default(),
            block: Made::default(),
            limits: Arc::default(),
            cors: Made::default(),
            rate_limit: Made::default(),
            max_in_flight: Made::default(),
            maintenance: Made::default(),
            rewrite: Made::default(),
            headers: Made::default(),
            security_headers: Made::default(),
            hsts: Made::default(),
            error_pages: Made::default(),
        }
    }

    /// With the live state of limits that were built before.
    pub fn with_limits(mut self, limits: &Arc<Registry>) -> Self {
        self.limits = Arc::clone(limits);
        self
    }
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
