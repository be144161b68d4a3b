//! File descriptors: as many as the system lets us have, and a warning where that may not be enough.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{Config, model::Listener};

/// For each client, as a rule: its connection, and one to a server.
const A_CONNECTION: u64 = 2;
/// Logs, checks of servers, scrapes.
const BESIDES: u64 = 200;
/// For each worker, beside a socket for each address: what it waits with for all of them.
const A_WORKER: u64 = 4;

/// Raises the soft limit to the hard one, as HAProxy does, and says so if even that is less than `config` may
/// need.
///
/// Programs that we start inherit it; those that mind, because they use select(2), are older than the proxy.
pub(super) fn provide(config: &Config, workers: NonZeroUsize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current, // what there is has to do
    };
    let needed = needed(config, workers);
    if let Some(limit) = limit.filter(|limit| *limit < needed) {
        tracing::warn!(
            "{limit} file descriptors are not enough for all the connections that `limits` let in: those need at \
             least {needed}\n  hint: raise LimitNOFILE= in the unit, or lower `connections`"
        );
    }
}

/// What all clients need at once if each has one request under way, and what else is open. It is the least: a
/// client with HTTP/2 may have a connection to a server for each of its streams, an upload under a watchdog has a
/// second handle on its own, and connections to servers that are kept come on top. How many of these there are
/// depends on what is asked, and their most is more than any machine will see.
fn needed(config: &Config, workers: NonZeroUsize) -> u64 {
    let of = |count| u64::try_from(count).unwrap_or(u64::MAX);
    let sum = |counts: &dyn Fn(&Listener) -> usize| {
        let counts = config.listeners.iter().map(|listener| of(counts(listener)));
        counts.fold(0, u64::saturating_add)
    };
    let addresses = sum(&|listener| listener.bind.len());
    let for_workers = of(workers.get()).saturating_mul(addresses.saturating_add(A_WORKER));
    sum(&|listener| listener.limits.connections)
        .saturating_mul(A_CONNECTION)
        .saturating_add(for_workers)
        .saturating_add(BESIDES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_needs_two_each_worker_some_and_the_house_some_more() {
        let config = crate::config::quick("127.0.0.1:1", "127.0.0.1:2");
        let mut config = config.ok().unwrap();
        let (one, eight) = (NonZeroUsize::MIN, NonZeroUsize::new(8).unwrap());
        assert_eq!(needed(&config, one), 40_205);
        assert_eq!(needed(&config, eight), 40_240);
        for listener in &mut config.listeners {
            listener.limits.connections = 10;
        }
        assert_eq!(needed(&config, one), 225);
        config.listeners.clear();
        assert_eq!(needed(&config, one), 204);
    }
}
