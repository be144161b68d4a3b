//! A server that speaks HTTP/2 as gRPC servers do, and ends its answers with trailers.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Response, request::Parts};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::{Handshake, free_port, http2::read_body};

/// Says `echo: ` and the request's body, with `grpc-status: 0` in the trailers. For `/nothing` it says nothing: its head is
/// the end of the stream. For `/large` it says a megabyte, and for `/never` it waits until the request is taken back.
pub(crate) struct H2Origin {
    port: u16,
    heads: Arc<Mutex<Vec<Parts>>>,
    connections: Arc<AtomicUsize>,
    resets: Resets,
    serving: JoinHandle<()>,
}

/// The number of the connection of each request that was taken back.
type Resets = Arc<Mutex<Vec<usize>>>;

impl H2Origin {
    /// Without TLS.
    pub(crate) async fn start() -> Self {
        Self::start_as(None, "application/grpc").await
    }

    /// Without TLS, and with another media type than gRPC's.
    pub(crate) async fn telling(media: &'static str) -> Self {
        Self::start_as(None, media).await
    }

    pub(crate) async fn secured(handshake: &Handshake) -> Self {
        Self::start_as(Some(handshake.acceptor()), "application/grpc").await
    }

    async fn start_as(tls: Option<TlsAcceptor>, media: &'static str) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let resets = Resets::default();
        let (into, count, back) = (
            Arc::clone(&heads),
            Arc::clone(&connections),
            Arc::clone(&resets),
        );
        let serving = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, into) = (tls.clone(), Arc::clone(&into));
                let (count, back) = (Arc::clone(&count), Arc::clone(&back));
                serving.spawn(async move {
                    match tls {
                        None => converse(stream, media, into, count, back).await,
                        Some(tls) => {
                            // A proxy that does not trust this origin leaves in the middle.
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, media, into, count, back).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            port,
            heads,
            connections,
            resets,
            serving,
        }
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<Parts> {
        self.heads.lock().clone()
    }

    /// Connections taken so far, hands shaken.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests so far that were taken back, on the nth connection and on all.
    pub(crate) fn resets(&self, nth: usize) -> (usize, usize) {
        let resets = self.resets.lock();
        let on_it = resets.iter().filter(|connection| **connection == nth);
        (on_it.count(), resets.len())
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    media: &'static str,
    heads: Arc<Mutex<Vec<Parts>>>,
    connections: Arc<AtomicUsize>,
    resets: Resets,
) {
    let number = connections.fetch_add(1, Ordering::Relaxed);
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut exchanges = JoinSet::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, mut stream) = request.into_parts();
        let path = head.uri.path().to_owned();
        let says_nothing = path == "/nothing";
        heads.lock().push(head);
        let resets = Arc::clone(&resets);
        exchanges.spawn(async move {
            let body = read_body(&mut stream).await?;
            if path == "/never" {
                poll_fn(|cx| respond.poll_reset(cx)).await?;
                resets.lock().push(number);
                return Ok(());
            }
            let response = Response::builder().header("content-type", media);
            let mut answer = respond.send_response(response.body(()).unwrap(), says_nothing)?;
            if says_nothing {
                return Ok(());
            }
            let body = match path.as_str() {
                "/large" => vec![b'x'; 1 << 20],
                _ => [b"echo: ", &body[..]].concat(),
            };
            answer.send_data(Bytes::from(body), false)?;
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            answer.send_trailers(trailers)
        });
    }
}

impl Drop for H2Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As a configuration names it.
impl fmt::Display for H2Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}", self.port)
    }
}
