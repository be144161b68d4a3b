//! Servers known by a host name: their addresses, asked for again and again in the background.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use tokio::{task::JoinSet, time};

use super::{
    health::{Slot, jittered},
    server::{Place, Server},
    upstream::Upstream,
};

/// How often a name is asked for, and how often while it has no address.
const EVERY: Duration = Duration::from_secs(10);
const EVERY_UNRESOLVED: Duration = Duration::from_secs(1);

/// One question to the system's resolver. An answer that comes later is not used.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Addresses kept of one name.
const ADDRESSES: usize = 64;

/// A host name and its addresses, which take turns. Keeps the last good ones when a look-up fails.
#[derive(Debug)]
pub(super) struct Named {
    host: String,
    port: u16,
    /// Written when an answer differs, read for an instant by each pick.
    addresses: RwLock<Vec<SocketAddr>>,
    turn: AtomicUsize,
    /// Whether the last look-up failed; a failure is logged once.
    failing: AtomicBool,
    /// Look-ups that failed.
    failures: AtomicU64,
    /// The one task that asks.
    resolver: Slot,
}

impl Named {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            addresses: RwLock::default(),
            turn: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            resolver: Slot::default(),
        }
    }

    pub(super) fn is_resolved(&self) -> bool {
        !self.addresses.read().is_empty()
    }

    /// Look-ups that failed so far.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// The next address in turn.
    pub(super) fn next(&self) -> Option<SocketAddr> {
        let addresses = self.addresses.read();
        if addresses.is_empty() {
            return None;
        }
        let turn = self.turn.fetch_add(1, Relaxed);
        addresses.get(turn % addresses.len()).copied()
    }

    async fn resolve(&self, upstream: &str) {
        let question = tokio::net::lookup_host((self.host.as_str(), self.port));
        let answer = match time::timeout(TIMEOUT, question).await {
            Ok(Ok(found)) => Ok(found.collect()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {TIMEOUT:?}")),
        };
        self.learn(answer, upstream);
    }

    fn learn(&self, answer: Result<Vec<SocketAddr>, String>, upstream: &str) {
        let host = &self.host;
        let mut found = match answer {
            Ok(found) if !found.is_empty() => found,
            answer => {
                self.failures.fetch_add(1, Relaxed);
                let reason = answer.err().unwrap_or_else(|| "no address".to_owned());
                if !self.failing.swap(true, Relaxed) {
                    let kept = self.addresses.read().len();
                    tracing::warn!(%upstream, %host, %reason, kept, "name is not resolved");
                }
                return;
            }
        };
        // Resolvers shuffle; sorted, an answer is new only if an address is.
        found.sort_unstable();
        found.dedup();
        found.truncate(ADDRESSES);
        let recovered = self.failing.swap(false, Relaxed);
        if recovered || *self.addresses.read() != found {
            tracing::info!(%upstream, %host, addresses = ?found, "name is resolved");
            *self.addresses.write() = found;
        }
    }
}

impl Upstream {
    /// Asks once for every name that has no address yet, and waits for answers until `deadline`.
    ///
    /// A name without an answer by then leaves its server unused until it has one.
    pub async fn resolve_all(&self, deadline: Instant) {
        let mut questions = JoinSet::new();
        for name in self.servers().iter().filter_map(named) {
            if !name.is_resolved() {
                let (name, upstream) = (Arc::clone(name), Arc::clone(self.name()));
                questions.spawn(async move { name.resolve(&upstream).await });
            }
        }
        let all = async { while questions.join_next().await.is_some() {} };
        if time::timeout_at(deadline.into(), all).await.is_err() {
            tracing::warn!(upstream = %self.name(), "some names have no answer yet");
        }
    }

    pub(super) fn start_resolving(&self) {
        for name in self.servers().iter().filter_map(named) {
            let (asked, upstream) = (Arc::clone(name), Arc::clone(self.name()));
            name.resolver.start(self.id(), async move {
                loop {
                    let pause = if asked.is_resolved() {
                        EVERY
                    } else {
                        EVERY_UNRESOLVED
                    };
                    time::sleep(jittered(pause)).await;
                    asked.resolve(&upstream).await;
                }
            });
        }
    }

    pub(super) fn stop_resolving(&self) {
        for name in self.servers().iter().filter_map(named) {
            name.resolver.stop(self.id());
        }
    }
}

fn named(server: &Server) -> Option<&Arc<Named>> {
    match &server.place {
        Place::Named(name) => Some(name),
        Place::Socket(_) | Place::Unix(_) => None,
    }
}

#[cfg(test)]
mod tests;
