//! Reads the PROXY header that a connection begins with, and not one byte more: what follows is the client's.

use std::{io, net::SocketAddr};

use tokio::{io::AsyncReadExt, net::TcpStream};

use super::Listener;
use crate::admit::proxy_header::{Header, LONGEST, Reading, parse};

/// More room is made only for a header with large extras.
const FIRST_LOOK: usize = 256;

/// Why there is no header.
enum End {
    Bad(&'static str),
    /// The proxy left before it was whole.
    Left,
    Failed(io::Error),
}

/// The header from `peer`; or counts why there is none, and the connection is to be closed.
///
/// The deadline is that of a handshake, which has one of its own if it follows.
pub(super) async fn read(
    tcp: &mut TcpStream,
    peer: SocketAddr,
    listener: &Listener,
) -> Option<Header> {
    let name = &listener.settings.name;
    let limit = listener.settings.limits.handshake_timeout;
    let Ok(read) = tokio::time::timeout(limit, read_header(tcp)).await else {
        listener.meters.refused("proxy_header_timeout");
        tracing::debug!(listener = %name, %peer, "no whole PROXY header came in time");
        return None;
    };
    let reason = match read {
        Ok(header) => {
            if let Some(ends) = header.ends {
                tracing::debug!(listener = %name, %peer, client = %ends.source, "a proxy names its client");
            }
            return Some(header);
        }
        Err(End::Bad(reason)) => reason.to_owned(),
        Err(End::Left) => "ended before its header".to_owned(),
        Err(End::Failed(error)) => error.to_string(),
    };
    listener.meters.refused("proxy_header");
    tracing::debug!(listener = %name, %peer, %reason, "a connection without a sound PROXY header");
    None
}

/// Looks at what has come before it takes it: as long as the header is not whole, all of it is the header's.
async fn read_header(tcp: &mut TcpStream) -> Result<Header, End> {
    let mut bytes = vec![0; FIRST_LOOK];
    let mut taken = 0;
    loop {
        if taken == bytes.len() {
            bytes.resize(LONGEST, 0);
        }
        let room = bytes.get_mut(taken..).unwrap_or_default();
        let seen = match tcp.peek(room).await {
            Ok(0) => return Err(End::Left),
            Ok(more) => taken + more,
            Err(error) => return Err(End::Failed(error)),
        };
        let reading = parse(bytes.get(..seen).unwrap_or_default());
        let end = match reading {
            Reading::Whole(header) => header.length,
            Reading::Incomplete => seen,
            Reading::Bad(reason) => return Err(End::Bad(reason)),
        };
        let seen = bytes.get_mut(taken..end).unwrap_or_default();
        tcp.read_exact(seen).await.map_err(End::Failed)?;
        taken = end;
        if let Reading::Whole(header) = reading {
            return Ok(header);
        }
    }
}
