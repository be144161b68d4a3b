//! An HTTP/2 connection: Pingora's own loop, behind a deadline and with the listener's limits.
//!
//! The stream below it meters frames and ends floods (`listen/stream/frames.rs`); what `h2` keeps for one
//! connection is limited here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pingora::{
    apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp},
    protocols::http::{
        ServerSession,
        v2::server::{H2Options, default_h2_options},
    },
    proxy::HttpProxy,
    server::ShutdownWatch,
};

use super::{Door, Gateway};
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
/// How long many answers may wait for windows when much of the memory is in use.
const IN_NEED: Duration = Duration::from_secs(2);
/// How often in its time we look whether a connection is used: it may last by one part in so many longer.
const LOOKS: u32 = 8;

pub(super) async fn serve(door: &Door, mut stream: Stream) {
    let connection = Arc::clone(stream.connection());
    let limits = &connection.listener.settings.limits;
    let mut retired = connection.retired();
    if *retired.borrow() {
        retired.mark_changed(); // or Pingora would wait for a change that has been
    }
    // A client that shakes hands and then says little holds a seat for no longer than this.
    let preface_by = tokio::time::Instant::now() + limits.header_timeout;
    if !stream.read_preface(preface_by).await {
        return;
    }
    let lane = Arc::new(Lane::new(door, limits));
    tokio::select! {
        _ = lane.process_new(Box::new(stream), &retired) => {}
        () = done(&connection) => {} // Pingora would wait for a client that may be gone
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

/// The proxy with one listener's limits for HTTP/2; Pingora asks for both per connection.
struct Lane {
    proxy: Arc<HttpProxy<Gateway>>,
    server: HttpServerOptions,
    h2: H2Options,
}

impl Lane {
    fn new(door: &Door, limits: &Limits) -> Self {
        let server = HttpServerOptions::default(); // without its idle timeout, which says no goodbye: see `unused`
        let mut h2 = default_h2_options();
        h2.max_concurrent_streams(limits.streams.get())
            // One more than the meter of the stream lets pass: it has a label for them.
            .max_pending_accept_reset_streams(FrameMeter::resets_at_once(limits) + 1)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(u32::try_from(limits.header_size.get()).unwrap_or(u32::MAX))
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        Self {
            proxy: Arc::clone(&door.proxy),
            server,
            h2,
        }
    }
}

#[async_trait]
impl HttpServerApp for Lane {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.proxy.process_new_http(session, shutdown).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.h2.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.server)
    }
}
