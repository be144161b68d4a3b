//! Where the traces of a snapshot go.

use std::sync::Arc;

use super::{Snapshot, World};
use crate::{
    config::{Config, model::UpstreamProtocol, problem::Problem},
    observe::Tracer,
    tls::{ClientTls, SystemRoots},
};

/// That of `previous` if it would come out the same, with what waits in it. Nobody connects yet.
pub(super) fn build(
    config: &Config,
    previous: &Snapshot,
    world: &World,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Tracer>> {
    let settings = config.tracing.as_ref()?;
    let previous = previous.tracer.as_ref();
    let tls = settings.tls.as_ref().map(|tls| {
        ClientTls::build(
            tls,
            UpstreamProtocol::Http1,
            &mut SystemRoots::default(),
            previous.and_then(|previous| previous.tls()),
        )
    });
    let tls = match tls.transpose() {
        Ok(tls) => tls,
        Err(wrong) => {
            problems.extend(wrong);
            return None;
        }
    };
    let meters = world.metrics.traces.clone();
    let built = Tracer::build(settings, tls, meters, previous);
    built
        .map_err(|error| {
            let message = format!("TLS to the collector of traces cannot be set up: {error}");
            problems.push(Problem::error(message).at_value(&settings.at));
        })
        .ok()
}
