//! The upstreams of a snapshot, and the work they do in the background.

use std::{sync::Arc, time::Instant};

use crate::{
    balance::Upstream,
    config::{model, problem::Problem},
    tls::{ClientTls, ServerTls, SystemRoots},
};

/// In the order of the configuration, which routes refer to.
#[derive(Default)]
pub struct Upstreams(Vec<Arc<Upstream>>);

impl Upstreams {
    /// What cannot be built is left out, and told by `problems`.
    pub(super) fn build(
        specs: &[model::Upstream],
        previous: &Self,
        problems: &mut Vec<Problem>,
        now: Instant,
    ) -> Self {
        let mut system = SystemRoots::default();
        let build = |spec: &model::Upstream| {
            let before = &previous.0;
            let before = before.iter().find(|before| *before.name() == spec.name);
            let built = match &spec.tls {
                None => Ok(Upstream::build(spec, None, before, now)),
                Some(tls) => secured(spec, tls, before, &mut system)
                    .map(|tls| Upstream::build(spec, Some(&tls), before, now)),
            };
            built.map_err(|found| problems.extend(found)).ok()
        };
        Self(specs.iter().filter_map(build).collect())
    }

    pub fn get(&self, index: usize) -> Option<&Arc<Upstream>> {
        self.0.get(index)
    }

    pub(super) fn all(&self) -> &[Arc<Upstream>] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.0.iter()
    }
}

/// The TLS of each server of `spec`, kept from `before` where nothing about it is new.
fn secured(
    spec: &model::Upstream,
    tls: &model::ServerTls,
    before: Option<&Arc<Upstream>>,
    system: &mut SystemRoots,
) -> Result<Vec<Arc<ServerTls>>, Vec<Problem>> {
    let before = before.map(|before| before.servers()).unwrap_or_default();
    let client = before.iter().find_map(|server| server.tls.as_ref());
    let client = ClientTls::build(tls, spec.protocol, system, client.map(|it| it.client()))?;
    let server = |server: &model::Server| {
        let label = server.address.to_string();
        let before = before.iter().find(|before| *before.label == *label);
        let before = before.and_then(|before| before.tls.as_ref());
        client.server(tls, &server.address, before)
    };
    let servers: Result<_, _> = spec.servers.iter().map(server).collect();
    servers.map_err(|problem| vec![problem])
}
