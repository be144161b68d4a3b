//! File descriptors: as many as the system lets us have, and a warning where that may not be enough.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// For each client, as a rule: its connection, and one to a server.
const A_CONNECTION: u64 = 2;
/// Sockets that are listened on, logs, checks of servers, scrapes.
const BESIDES: u64 = 200;

/// Raises the soft limit to the hard one, as HAProxy does, and says so if even that is less than `config` may
/// need.
///
/// Programs that we start inherit it; those that mind, because they use select(2), are older than the proxy.
pub(super) fn provide(config: &Config) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current, // what there is has to do
    };
    let needed = needed(config);
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
fn needed(config: &Config) -> u64 {
    let connections = config
        .listeners
        .iter()
        .map(|listener| u64::try_from(listener.limits.connections).unwrap_or(u64::MAX));
    let connections = connections.fold(0, u64::saturating_add);
    connections
        .saturating_mul(A_CONNECTION)
        .saturating_add(BESIDES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_needs_two_and_the_house_some_more() {
        let config = crate::config::quick("127.0.0.1:1", "127.0.0.1:2");
        let mut config = config.ok().unwrap();
        assert_eq!(needed(&config), 40_200);
        for listener in &mut config.listeners {
            listener.limits.connections = 10;
        }
        assert_eq!(needed(&config), 220);
        config.listeners.clear();
        assert_eq!(needed(&config), 200);
    }
}
