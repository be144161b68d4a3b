//! Connections in, responses out, under limits; and an orderly end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::address::Peer;
use crate::listen::{Listener, Stream};

/// Connections at a time; further ones wait in the kernel's queue until a seat is free.
const SEATS: usize = 10_000;

/// Time a whole header may take, counted from the end of the previous request, so it is also how long
/// an idle connection is kept. More than the 55 s a proxy keeps one, for the side that sends must close first:
/// otherwise a request can meet a connection we have just closed.
const HEADER_DEADLINE: Duration = Duration::from_secs(75);

/// Bytes of a header, and of the buffer a connection reads into.
const HEADER_SIZE: usize = 64 << 10;

const HEADER_COUNT: usize = 100;

/// Pause after an error that will not pass at once, such as no free file descriptor.
const BREATHER: Duration = Duration::from_millis(200);

/// Serves until `shutdown` resolves; then stops accepting, closes idle connections, and returns
/// once every request in flight is answered. How long that may take is the caller's to say.
pub async fn serve(listener: Listener, router: Router, shutdown: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_headers(HEADER_COUNT)
        .max_buf_size(HEADER_SIZE);
    let service = TowerToHyperService::new(router);
    let connections = GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(SEATS));
    let mut shutdown = pin!(shutdown);

    loop {
        let client = tokio::select! {
            () = &mut shutdown => break,
            client = seat_next(&listener, &seats) => client,
        };
        let Some((seat, stream, peer)) = client else {
            break;
        };
        let service = service.clone();
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            service.call(request)
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), answer));
        tokio::spawn(async move {
            // An error here is a client's: it left, or sent what is not HTTP and was told so.
            let _ = connection.await;
            drop(seat);
        });
    }

    drop(listener);
    info!(connections = connections.count(), "no longer accepting");
    connections.shutdown().await;
}

/// Waits for a free seat, then for a client to take it. `None` only if the seats were closed, which nobody does.
async fn seat_next(
    listener: &Listener,
    seats: &Arc<Semaphore>,
) -> Option<(OwnedSemaphorePermit, Box<dyn Stream>, Peer)> {
    let seat = seats.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Some((seat, stream, peer)),
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                warn!("cannot accept a connection: {error}");
                sleep(BREATHER).await;
            }
        }
    }
}

/// Whether the error concerns only the client that was about to be accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput
    )
}
