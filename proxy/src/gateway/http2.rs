//! An HTTP/2 connection: its streams, behind a deadline and with the listener's limits.
//!
//! The stream below it meters frames and ends floods (`listen/stream/frames.rs`); what `h2` keeps for one
//! connection is limited here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pingora::protocols::{
    Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Ssl,
    http::v2::server::{H2Options, default_h2_options, handshake},
};

use super::{
    Door,
    session::IN_NEED,
    streams::{self, Carrier},
};
use crate::{
    admit::FrameMeter,
    config::model::Limits,
    listen::{Connection, Stream},
};

/// A stream's window: enough for an upload at 80 ms and 100 Mbit/s.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// What waits for the client in `h2`, a stream: one piece as Pingora reads it from a server. Its own 400 KiB
/// would be 40 MiB for a connection.
const SEND_BUFFER: usize = 16 << 10;
/// How long a retired connection without a request waits for one that is on its way.
const GOODBYE: Duration = Duration::from_millis(500);
/// How often in its time we look whether a connection is used: it may last by one part in so many longer.
const LOOKS: u32 = 8;

pub(super) async fn serve(door: &Door, mut stream: Box<Stream>) {
    let connection = Arc::clone(stream.connection());
    let limits = &connection.listener.settings.limits;
    // A client that shakes hands and then says little holds a seat for no longer than this.
    let preface_by = tokio::time::Instant::now() + limits.header_timeout;
    if !stream.read_preface(preface_by).await {
        return;
    }
    tokio::select! {
        () = converse(door, stream) => {}
        () = done(&connection) => {} // or we would wait for a client that may be gone
    }
}

/// Returns when the connection has been retired, or given up, and carries nothing any more.
async fn done(connection: &Connection) {
    let mut retired = connection.retired();
    tokio::select! {
        // An error means that the connection is gone, which is the same.
        _ = retired.wait_for(|retired| *retired) => {}
        () = unused(connection) => {
            if connection.unanswered() > 0 {
                return give_up(connection);
            }
            connection.retire();
        }
        () = connection.stuck() => {
            give_up(connection);
            connection.retire();
        }
    }
    let patience = connection.listener.settings.limits.write_idle_timeout;
    let mut still = Stillness::of(connection);
    loop {
        tokio::time::sleep(GOODBYE).await;
        if !connection.is_idle() {
            if connection.is_overdrawn() {
                return; // it was told, and goes on
            }
        } else if connection.unanswered() == 0 {
            return;
        } else if still.lasts(connection) >= patience {
            return give_up(connection);
        }
        if costs_too_much(connection, &mut still) {
            return give_up(connection);
        }
    }
}

fn give_up(connection: &Connection) {
    connection.listener.meters.refused("window_timeout");
    tracing::debug!(client = %connection.peer.ip(), "no window opens on a connection of HTTP/2");
}

/// Whether many answers stand still behind closed windows, and their memory is needed. The exchanges that wait to write
/// them began when there may have been enough, and have more patience.
fn costs_too_much(connection: &Connection, still: &mut Stillness) -> bool {
    let is_needed = connection.listener.pressure.is_strained();
    still.lasts(connection) >= IN_NEED && connection.is_starved() && is_needed
}

/// Returns once the connection has carried no request for `keepalive_timeout`; or has not taken for `write_idle_timeout`
/// the rest of an answer, of which no exchange knows any more; or holds what it takes nothing of while memory is needed.
async fn unused(connection: &Connection) {
    let limits = &connection.listener.settings.limits;
    let (keepalive, patience) = (limits.keepalive_timeout, limits.write_idle_timeout);
    let mut still = Stillness::of(connection);
    let mut ever_still = Stillness::of(connection);
    loop {
        tokio::time::sleep(keepalive.min(patience) / LOOKS).await;
        if costs_too_much(connection, &mut ever_still) {
            return;
        }
        let lasts = still.lasts(connection);
        if connection.is_idle() {
            let is_answered = connection.unanswered() == 0;
            if lasts >= if is_answered { keepalive } else { patience } {
                return;
            }
        } else {
            still = Stillness::of(connection);
        }
    }
}

/// Since when no frame of an answer was sent.
struct Stillness {
    moved: u64,
    since: Instant,
}

impl Stillness {
    fn of(connection: &Connection) -> Self {
        Self {
            moved: connection.moved(),
            since: Instant::now(),
        }
    }

    fn lasts(&mut self, connection: &Connection) -> Duration {
        if self.moved != connection.moved() {
            *self = Self::of(connection);
        }
        self.since.elapsed()
    }
}

/// What we tell the client of our limits, and what `h2` is to hold to.
fn options(limits: &Limits) -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(limits.streams.get())
        // One more than the meter of the stream lets pass: it has a label for them.
        .max_pending_accept_reset_streams(FrameMeter::resets_at_once(limits) + 1)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits.header_size.get()).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    options
}

/// Shakes hands, and serves until the client ends it.
async fn converse(door: &Door, stream: Box<Stream>) {
    let connection = Arc::clone(stream.connection());
    let digest = Arc::new(Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    });
    let options = options(&connection.listener.settings.limits);
    if let Ok(wire) = handshake(stream, Some(options)).await {
        let carrier = Carrier {
            means: Arc::clone(&door.means),
            proxy: Arc::clone(&door.proxy),
            retired: connection.retired(),
            connection,
        };
        streams::carry(wire, digest, Arc::new(carrier)).await;
    }
}
