//! How Pingora reaches the server that was picked.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use pingora::upstreams::peer::HttpPeer;

use super::{
    exchange::Admitted,
    fault,
    hold::{self, Passage},
    link::Linker,
    loan::Lender,
    relay::Relay,
    spare::Spares,
};
use crate::{
    balance::{Pick, Target},
    config::model::UpstreamProtocol,
    forward::ProxyHeader,
    respond::Refusal,
};

/// HTTP/2 streams on one connection to a server, as many as its defaults usually allow.
const STREAMS: usize = 100;

/// What a server may send ahead by HTTP/2, a stream. The connection's window is that of all its streams together: a client
/// that reads nothing fills its own, and holds up nobody who shares the connection.
const WINDOW: u32 = 256 << 10;

/// Numbers for what must not be found in Pingora's pool. No number of [`crate::tls::ServerTls::number`]
/// comes this far.
static UNSHARED: AtomicU64 = AtomicU64::new(1 << 62);

/// Numbers for what Pingora is to keep for one client alone have this bit, and no others do.
const FOR_A_CLIENT: u64 = 1 << 63;

/// Makes those numbers. Pingora finds connections by a hash without a secret: with this one, nobody can choose
/// an address that is taken for another's.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The way to a server for one try.
pub(super) struct Reach {
    pub(super) peer: Box<HttpPeer>,
    /// Knows the connection where it is lent.
    pub(super) lender: Option<Arc<Lender>>,
}

/// What the request needs of its connection.
pub(super) struct Needs<'a> {
    /// How long the client's body may stand still, if there is one.
    pub(super) upload: Option<Duration>,
    /// Who asks, by which connection.
    pub(super) admitted: &'a Admitted,
    /// An upgrade is asked for: the request gets a link of its own.
    pub(super) upgrade: bool,
    /// The method is HEAD.
    pub(super) head_alone: bool,
    /// No connection will do that was there before; this one is not kept either.
    pub(super) anew: bool,
    /// For the body of a response that may be compressed.
    pub(super) passage: Option<&'a Arc<Passage>>,
}

/// The peer for one try, with every deadline set. Pingora's one read timeout is the longest of ours, that
/// for the client's body too; where ours differ, the watchdog holds the shorter ones.
///
/// With HTTP/1.1 every connection is ours: a loan, or a link. Pingora neither connects nor keeps any.
pub(super) fn reach(
    pick: &Pick,
    needs: &Needs<'_>,
    spares: &Arc<Spares>,
) -> pingora::Result<Reach> {
    let connection = &needs.admitted.connection;
    let version = pick.upstream().proxy_protocol();
    let header = version.map(|version| ProxyHeader {
        version,
        ends: Some(needs.admitted.ends()),
    });
    let mut lender = None;
    let mut has_own_deadlines = false;
    let mut peer = match (pick.upstream().protocol(), needs.upgrade) {
        (UpstreamProtocol::H2 | UpstreamProtocol::H2c, _) => shared(pick, header, needs)?,
        (UpstreamProtocol::Http1, true) => {
            let mut peer = nowhere(String::new());
            peer.options.custom_l4 = Some(Arc::new(Linker::new(pick, connection, header)));
            has_own_deadlines = true;
            peer
        }
        (UpstreamProtocol::Http1, false) => {
            let mut peer = nowhere(String::new());
            let lends = Arc::new(Lender::new(pick, header, spares, needs));
            peer.options.custom_l4 = Some(Arc::clone(&lends) as _);
            lender = Some(lends);
            peer
        }
    };
    let timeouts = pick.upstream().timeouts();
    let options = &mut peer.options;
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    let longest = timeouts
        .first_byte
        .max(timeouts.idle)
        .max(needs.upload.unwrap_or_default());
    // A head that comes in time may be held for a while before Pingora reads it.
    let held = match needs.passage {
        Some(_) if lender.is_some() => hold::patience(timeouts.first_byte.min(timeouts.idle)),
        _ => Duration::ZERO,
    };
    options.read_timeout = (!has_own_deadlines).then_some(longest + held);
    options.write_timeout = Some(timeouts.idle);
    Ok(Reach {
        peer: Box::new(peer),
        lender,
    })
}

/// A server with HTTP/2, whose connections Pingora shares among exchanges: with a header, those of one client. One that
/// is not kept is found by nobody else.
/// With TLS or a header they are behind relays of ours, and Pingora believes that there is neither; so that the
/// peer has a number for both.
fn shared(
    pick: &Pick,
    header: Option<ProxyHeader>,
    needs: &Needs<'_>,
) -> pingora::Result<HttpPeer> {
    let client = &needs.admitted.connection;
    let is_kept = !needs.anew && needs.admitted.may_keep(header.as_ref());
    let tls = pick.server().tls.as_ref();
    let mut peer = match (pick.upstream().protocol(), tls) {
        (UpstreamProtocol::H2, None) => return Err(fault::refuse(Refusal::Internal)),
        (_, None) if header.is_none() => at(pick.target())?,
        _ => {
            // In the place of a server name that is used for nothing else: where it leads.
            let mut peer = nowhere(pick.target().to_string());
            peer.options.custom_l4 = Some(Arc::new(Relay::new(pick, header, client)));
            peer
        }
    };
    let tls = tls.map_or(0, |tls| tls.number());
    peer.group_key = match header {
        _ if !is_kept => UNSHARED.fetch_add(1, Relaxed),
        Some(header) => SECRET.hash_one((tls, header, client.number)) | FOR_A_CLIENT,
        // Each request that it takes back is a reset there as well, for which a server may end the connection.
        None if client.cancels() => SECRET.hash_one((tls, client.number)) | FOR_A_CLIENT,
        None => tls,
    };
    let keepalive = pick.upstream().timeouts().keepalive;
    peer.options.idle_timeout = Some(if is_kept { keepalive } else { Duration::ZERO });
    peer.options.set_http_version(2, 2);
    peer.options.max_h2_streams = STREAMS;
    peer.options.h2_stream_window_size = Some(WINDOW);
    peer.options.h2_connection_window_size = u32::try_from(STREAMS).ok().map(|all| all * WINDOW);
    Ok(peer)
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

/// A peer whose connections are ours. The address is the one that Pingora does not compare with the
/// socket's, as it has none.
fn nowhere(name: String) -> HttpPeer {
    with_address(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an address that is resolved already resolves at once"
)]
fn with_address(address: SocketAddr, name: String) -> HttpPeer {
    HttpPeer::new(address, false, name)
}
