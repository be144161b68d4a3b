//! An HTTP/2 client.

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::in_time;

/// One connection; its clones share it.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Http2 {
    pub(crate) async fn over(stream: TlsStream<TcpStream>) -> Self {
        let (sender, connection) = in_time("HTTP/2 begins", h2::client::handshake(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    /// GET, for host `localhost`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("https://localhost{path}"))
            .body(())
            .unwrap();
        self.ask(request, b"").await
    }

    /// Sends a GET and does not wait for its response.
    pub(crate) async fn start(&self, path: &str) -> h2::client::ResponseFuture {
        let request = Request::get(format!("https://localhost{path}"))
            .body(())
            .unwrap();
        let mut sender = self.sender.clone().ready().await.unwrap();
        sender.send_request(request, true).unwrap().0
    }

    /// How many streams the proxy allows at a time.
    pub(crate) fn streams(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Begins a request whose body is still to come.
    pub(crate) async fn begin(
        &self,
        request: Request<()>,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut sender = self.sender.clone().ready().await.unwrap();
        sender.send_request(request, false).unwrap()
    }

    /// Sends a request and reads its response.
    pub(crate) async fn ask(&self, request: Request<()>, body: &[u8]) -> Answer {
        in_time("an answer by HTTP/2", self.try_ask(request, body))
            .await
            .unwrap()
    }

    pub(crate) async fn try_ask(
        &self,
        request: Request<()>,
        body: &[u8],
    ) -> Result<Answer, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            send(&mut stream, body).await?;
        }
        read(response.await?).await
    }
}

/// Sends a whole body at the pace the other side allows.
async fn send(stream: &mut h2::SendStream<Bytes>, body: &[u8]) -> Result<(), h2::Error> {
    let mut left = Bytes::copy_from_slice(body);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let room = room.transpose()?.unwrap_or(0).min(left.len());
        let part = left.split_to(room);
        stream.send_data(part, left.is_empty())?;
    }
    Ok(())
}

async fn read(response: Response<RecvStream>) -> Result<Answer, h2::Error> {
    let (head, mut stream) = response.into_parts();
    let body = read_body(&mut stream).await?;
    Ok(Answer {
        status: head.status.as_u16(),
        fields: head.headers,
        body,
        trailers: stream.trailers().await?,
    })
}

/// Reads a whole body, making room for more as it goes.
pub(super) async fn read_body(stream: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        body.extend_from_slice(&part);
    }
    Ok(body)
}
