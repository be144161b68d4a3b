//! How Pingora reaches the server that was picked.

use pingora::upstreams::peer::HttpPeer;

use super::fault;
use crate::{
    balance::{Pick, Target},
    config::model::UpstreamProtocol,
    respond::Refusal,
};

/// HTTP/2 streams on one connection to a server, as many as its defaults usually allow.
const STREAMS: usize = 100;

/// The peer for one try, with every deadline set. Pingora's one read timeout is the longest of ours;
/// where ours differ, the watchdog holds the shorter ones.
pub(super) fn reach(pick: &Pick, is_upgrade: bool) -> pingora::Result<Box<HttpPeer>> {
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
    options.read_timeout = (!is_upgrade).then(|| timeouts.first_byte.max(timeouts.idle));
    options.write_timeout = Some(timeouts.idle);
    options.idle_timeout = Some(timeouts.keepalive);
    if pick.upstream().protocol() == UpstreamProtocol::H2c {
        options.set_http_version(2, 2);
        options.max_h2_streams = STREAMS;
    }
    Ok(Box::new(peer))
}
