//! Serves the endpoint: few connections, short patience.

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, middleware};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use super::{hold::Hold, host, login::Peer, page};

/// Connections at a time; further ones wait in the listener's backlog.
const CONNECTIONS: usize = 64;
/// For the head of a request, and for the next one on a kept connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// After this a connection finishes its request and ends, so that nobody holds a place for ever.
const LIFETIME: Duration = Duration::from_secs(60);
/// For a request in flight once its connection is to end.
const GRACE: Duration = Duration::from_secs(5);
const HEADER_SIZE: usize = 16 << 10;
/// Pause after accept(2) fails, for want of descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What cannot be accepted is told of this often at most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Serves until `shutdown` completes, then lets requests in flight finish, for five seconds at most.
///
/// Behind a loopback listener the names under which we are called are checked (see `host.rs`).
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let is_remote = listener
        .local_addr()
        .is_ok_and(|address| !address.ip().is_loopback());
    let router = if is_remote {
        router
    } else {
        router.layer(middleware::from_fn(host::guard))
    };
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut told: Option<Instant> = None;
    let (ending, end) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &seats) => accepted,
        };
        match accepted {
            Ok((stream, peer, seat)) => {
                let router = router.clone();
                connections.spawn(converse(stream, Peer(peer), router, end.clone(), seat));
            }
            Err(error) => {
                if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                    warn!(%error, "the admin listener cannot accept");
                    told = Some(Instant::now());
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
        // Forgets those that are over.
        while connections.try_join_next().is_some() {}
    }
    drop((listener, ending));
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await;
    let seat = seat.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, seat))
}

/// One connection, from its first byte to its end, which comes at the latest with `LIFETIME` and `GRACE`, unless a
/// page is kept up to date by it: that ends by itself.
async fn converse(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    mut end: watch::Receiver<()>,
    _seat: OwnedSemaphorePermit,
) {
    let hold = Hold::new(end.clone());
    let (router, given) = (TowerToHyperService::new(router), hold.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(given.clone());
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_SIZE)
            .serve_connection(TokioIo::new(stream), service)
    );
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = async { tokio::select! { _ = end.changed() => {}, () = sleep(LIFETIME) => {} } } => {
            connection.as_mut().graceful_shutdown();
            let patience = async {
                tokio::select! {
                    _ = end.changed() => {}
                    _ = timeout(page::LIFETIME, hold.released()) => {}
                }
                sleep(GRACE).await;
            };
            tokio::select! {
                outcome = connection => outcome,
                () = patience => Ok(()),
            }
        }
    };
    if let Err(error) = outcome {
        debug!(%error, "an admin connection ended early");
    }
}
