//! A server that speaks HTTP/2 without TLS, as gRPC servers do, and ends its answers with trailers.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Response, request::Parts};
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::{free_port, http2::read_body};

/// Says `echo: ` and the request's body, with `grpc-status: 0` in the trailers.
pub(crate) struct H2cOrigin {
    port: u16,
    heads: Arc<Mutex<Vec<Parts>>>,
    serving: JoinHandle<()>,
}

impl H2cOrigin {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heads);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(converse(stream, Arc::clone(&into)));
            }
        });
        Self {
            port,
            heads,
            serving,
        }
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<Parts> {
        self.heads.lock().clone()
    }
}

async fn converse(stream: TcpStream, heads: Arc<Mutex<Vec<Parts>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut exchanges = JoinSet::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, mut stream) = request.into_parts();
        heads.lock().push(head);
        exchanges.spawn(async move {
            let body = read_body(&mut stream).await?;
            let response = Response::builder().header("content-type", "application/grpc");
            let mut answer = respond.send_response(response.body(()).unwrap(), false)?;
            answer.send_data(Bytes::from([b"echo: ", &body[..]].concat()), false)?;
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            answer.send_trailers(trailers)
        });
    }
}

impl Drop for H2cOrigin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As a configuration names it.
impl fmt::Display for H2cOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}", self.port)
    }
}
