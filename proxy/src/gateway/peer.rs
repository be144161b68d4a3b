//! How Pingora reaches the server that was picked.

use std::{sync::Arc, time::Duration};

use pingora::upstreams::peer::HttpPeer;

use super::{fault, link::Linker};
use crate::{
    balance::{Pick, Target},
    config::model::UpstreamProtocol,
    listen::Connection,
    respond::Refusal,
};

/// HTTP/2 streams on one connection to a server, as many as its defaults usually allow.
const STREAMS: usize = 100;

/// Keeps upgrades apart in Pingora's pool: an ordinary connection from there would not be a link.
const FOR_UPGRADES: u64 = 1;

/// The peer for one try, with every deadline set. Pingora's one read timeout is the longest of ours, that
/// for the client's body (`upload`, if there is one) too;
/// where ours differ, the watchdog holds the shorter ones.
///
/// A request that asks for an upgrade gets a link of its own, with `for_upgrade` the client's connection.
pub(super) fn reach(
    pick: &Pick,
    upload: Option<Duration>,
    for_upgrade: Option<&Arc<Connection>>,
) -> pingora::Result<Box<HttpPeer>> {
    let mut peer = match pick.target() {
        #[expect(
            clippy::disallowed_methods,
            reason = "an address that is resolved already resolves at once"
        )]
        Target::Socket(address) => HttpPeer::new(*address, false, String::new()),
        Target::Unix(path) => {
            let path = path
                .to_str()
                .ok_or_else(|| fault::refuse(Refusal::ConnectFailed))?;
            HttpPeer::new_uds(path, false, String::new())?
        }
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
    options.idle_timeout = Some(timeouts.keepalive);
    match (pick.upstream().protocol(), for_upgrade) {
        (UpstreamProtocol::H2c, _) => {
            options.set_http_version(2, 2);
            options.max_h2_streams = STREAMS;
        }
        (UpstreamProtocol::Http1, Some(connection)) => {
            peer.group_key = FOR_UPGRADES;
            let options = &mut peer.options;
            options.read_timeout = None; // the link has deadlines of its own
            options.custom_l4 = Some(Arc::new(Linker {
                target: pick.target().clone(),
                timeouts: timeouts.clone(),
                connection: Arc::clone(connection),
            }));
        }
        (UpstreamProtocol::Http1, None) => {}
    }
    Ok(Box::new(peer))
}
