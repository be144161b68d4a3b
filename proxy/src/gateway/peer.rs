//! How Pingora reaches the server that was picked.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use pingora::upstreams::peer::HttpPeer;

use super::{fault, link::Linker, secure::Connector, spare::Spares};
use crate::{
    balance::{Pick, Target},
    config::model::UpstreamProtocol,
    listen::Connection,
    respond::Refusal,
};

/// HTTP/2 streams on one connection to a server, as many as its defaults usually allow.
const STREAMS: usize = 100;

/// Keeps upgrades apart in Pingora's pool: an ordinary connection from there would not be a link.
/// No number of [`crate::tls::ServerTls::number`] comes this far.
const FOR_UPGRADES: u64 = 1 << 63;

/// Numbers for what must not be found in Pingora's pool.
static UNSHARED: AtomicU64 = AtomicU64::new(1 << 62);

/// The way to a server for one try.
pub(super) struct Reach {
    pub(super) peer: Box<HttpPeer>,
    /// Knows the socket where the connection is one of ours.
    pub(super) secure: Option<Arc<Connector>>,
}

/// The peer for one try, with every deadline set. Pingora's one read timeout is the longest of ours, that
/// for the client's body (`upload`, if there is one) too;
/// where ours differ, the watchdog holds the shorter ones.
///
/// A request that asks for an upgrade gets a link of its own, with `for_upgrade` the client's connection.
/// With `anew`, no connection will do that was there before; this one is not kept either.
///
/// A server with TLS is reached by connections of ours alone; Pingora believes that there is no TLS. What it
/// pools for a server without must never be found for one with, so that the peer has the number of its TLS.
pub(super) fn reach(
    pick: &Pick,
    upload: Option<Duration>,
    for_upgrade: Option<&Arc<Connection>>,
    spares: &Arc<Spares>,
    anew: bool,
) -> pingora::Result<Reach> {
    let tls = pick.server().tls.as_ref();
    let protocol = pick.upstream().protocol();
    let mut peer = match (protocol, tls) {
        (UpstreamProtocol::H2, Some(_)) => behind_relay(pick),
        (UpstreamProtocol::H2, None) => return Err(fault::refuse(Refusal::Internal)),
        (UpstreamProtocol::Http1 | UpstreamProtocol::H2c, _) => at(pick.target())?,
    };
    peer.group_key = match tls {
        _ if anew => UNSHARED.fetch_add(1, Relaxed),
        Some(tls) => tls.number(),
        None => 0,
    };
    let timeouts = pick.upstream().timeouts();
    let options = &mut peer.options;
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    options.read_timeout = Some(
        timeouts
            .first_byte
            .max(timeouts.idle)
            .max(upload.unwrap_or_default()),
    );
    options.write_timeout = Some(timeouts.idle);
    options.idle_timeout = Some(if anew {
        Duration::ZERO
    } else {
        timeouts.keepalive
    });
    let secure = tls.map(|tls| Arc::new(Connector::new(pick, tls, spares, anew)));
    if let Some(secure) = &secure {
        options.custom_l4 = Some(Arc::clone(secure) as _);
    }
    match (protocol, for_upgrade) {
        (UpstreamProtocol::H2 | UpstreamProtocol::H2c, _) => {
            options.set_http_version(2, 2);
            options.max_h2_streams = STREAMS;
        }
        (UpstreamProtocol::Http1, Some(connection)) => {
            options.read_timeout = None; // the link has deadlines of its own
            options.custom_l4 = Some(Arc::new(Linker {
                target: pick.target().clone(),
                tls: tls.cloned(),
                timeouts: timeouts.clone(),
                connection: Arc::clone(connection),
            }));
            peer.group_key |= FOR_UPGRADES;
        }
        (UpstreamProtocol::Http1, None) => {}
    }
    Ok(Reach {
        peer: Box::new(peer),
        secure,
    })
}

fn at(target: &Target) -> pingora::Result<HttpPeer> {
    match target {
        Target::Socket(address) => Ok(with_address(*address, String::new())),
        Target::Unix(path) => {
            let path = path
                .to_str()
                .ok_or_else(|| fault::refuse(Refusal::ConnectFailed))?;
            HttpPeer::new_uds(path, false, String::new())
        }
    }
}

/// A server behind one of our relays. What Pingora's pool knows a connection by is the number of its TLS
/// and, in the place of a server name that is used for nothing else, where it leads. The address is the
/// one that Pingora does not compare with the socket's, which is a pair of ours and has none.
fn behind_relay(pick: &Pick) -> HttpPeer {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    with_address(nowhere, pick.target().to_string())
}

#[expect(
    clippy::disallowed_methods,
    reason = "an address that is resolved already resolves at once"
)]
fn with_address(address: SocketAddr, name: String) -> HttpPeer {
    HttpPeer::new(address, false, name)
}
