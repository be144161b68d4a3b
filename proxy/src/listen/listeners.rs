//! The listeners of the running process, and how they change with a reload.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};

use super::{Host, Listener, Workers, accept, socket};
use crate::config::model::Name;

/// Every socket we accept on. Bound sockets outlive reloads, so that no connection is refused by one.
pub struct Listeners {
    host: Arc<dyn Host>,
    workers: Workers,
    open: HashMap<SocketAddr, Open>,
}

struct Open {
    sockets: Sockets,
    listener: Arc<Listener>,
    accepting: Vec<JoinHandle<()>>,
}

/// Those of one address: one for each worker, in their order.
type Sockets = Vec<Arc<TcpListener>>;

/// Sockets that are bound but not yet accepted on: dropping them undoes everything.
pub struct Prepared {
    listeners: Vec<Arc<Listener>>,
    bound: HashMap<SocketAddr, Sockets>,
}

impl Prepared {
    /// What was bound anew, by listener; port 0 has become a real port.
    pub fn addresses(&self) -> Vec<(Name, SocketAddr)> {
        let of = |listener: &Arc<Listener>| {
            let sockets = listener
                .settings
                .bind
                .iter()
                .filter_map(|address| self.bound.get(address));
            let addresses = sockets.filter_map(bound_to);
            let name = Arc::clone(&listener.settings.name);
            addresses
                .map(move |address| (Arc::clone(&name), address))
                .collect::<Vec<_>>()
        };
        self.listeners.iter().flat_map(of).collect()
    }
}

impl Listeners {
    /// Each connection is accepted and served by one of `workers`.
    pub fn new(host: Arc<dyn Host>, workers: Workers) -> Self {
        Self {
            host,
            workers,
            open: HashMap::new(),
        }
    }

    /// Binds what `listeners` need and is not bound yet. Nothing changes for clients.
    ///
    /// The error is a sentence for the operator, with a hint.
    pub fn prepare(&self, listeners: Vec<Arc<Listener>>) -> Result<Prepared, String> {
        let mut bound = HashMap::new();
        for address in listeners
            .iter()
            .flat_map(|listener| &listener.settings.bind)
        {
            if self.open.contains_key(address) {
                continue;
            }
            match socket::listen_at_each(*address, &self.workers) {
                Ok(sockets) => {
                    bound.insert(*address, sockets);
                }
                Err(error) if is_missing_ipv6(*address, &error) => {
                    tracing::warn!(%address, "this machine has no IPv6; listening on IPv4 alone");
                }
                Err(error) => return Err(socket::why(*address, &error)),
            }
        }
        Ok(Prepared { listeners, bound })
    }

    /// Accepts on what was prepared, and stops accepting on what is gone.
    ///
    /// A listener whose settings are as before, but for TLS, keeps its connections, if the same is asked of
    /// clients' certificates. One that changed in another way or went away
    /// takes no new request on the old ones: they end as soon as what they carry is done, and after
    /// `patience` at the latest.
    pub fn commit(&mut self, prepared: Prepared, patience: Duration) {
        let Prepared {
            listeners,
            mut bound,
        } = prepared;
        let mut before = std::mem::take(&mut self.open);
        for listener in listeners {
            for address in &listener.settings.bind {
                let open = match (before.remove(address), bound.remove(address)) {
                    (Some(open), _) if Arc::ptr_eq(&open.listener, &listener) => open,
                    (Some(open), _) if listener.is_heir_of(&open.listener) => {
                        self.open(open.hand_over(), Arc::clone(&listener))
                    }
                    (Some(open), _) => self.open(open.close(patience), Arc::clone(&listener)),
                    (None, Some(sockets)) => self.open(sockets, Arc::clone(&listener)),
                    (None, None) => continue, // IPv6 on a machine without
                };
                self.open.insert(*address, open);
            }
        }
        for (_, gone) in before {
            gone.close(patience);
        }
    }

    /// Accepts no further connection, and asks those that stand to end.
    pub fn close(&mut self, patience: Duration) {
        for (_, open) in self.open.drain() {
            open.close(patience);
        }
    }

    /// The addresses of each listener as bound; port 0 has become a real port.
    pub fn addresses(&self) -> Vec<(Name, SocketAddr)> {
        self.open
            .values()
            .filter_map(|open| {
                let address = bound_to(&open.sockets)?;
                Some((Arc::clone(&open.listener.settings.name), address))
            })
            .collect()
    }

    fn open(&self, sockets: Sockets, listener: Arc<Listener>) -> Open {
        let accept = |socket| {
            let (listener, host) = (Arc::clone(&listener), Arc::clone(&self.host));
            accept::accept(socket, listener, host)
        };
        let each = sockets.iter().zip(self.workers.iter());
        let accepting = each.map(|(socket, worker)| worker.spawn(accept(Arc::clone(socket))));
        Open {
            accepting: accepting.collect(),
            sockets,
            listener,
        }
    }
}

impl Open {
    /// Accepts no more, and leaves the connections as they are.
    fn hand_over(self) -> Sockets {
        self.accepting.iter().for_each(JoinHandle::abort);
        self.sockets
    }

    fn close(self, patience: Duration) -> Sockets {
        let listener = Arc::clone(&self.listener);
        let sockets = self.hand_over();
        listener.retire(patience); // by now nobody accepts for it
        sockets
    }
}

/// The address that they share.
fn bound_to(sockets: &Sockets) -> Option<SocketAddr> {
    sockets.first()?.local_addr().ok()
}

/// `:8080` stands for both families; a machine without IPv6 is served on IPv4.
fn is_missing_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    let unavailable = rustix::io::Errno::ADDRNOTAVAIL.raw_os_error();
    matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified())
        && error
            .raw_os_error()
            .is_some_and(|code| code == unsupported || code == unavailable)
}

#[cfg(test)]
mod tests;
