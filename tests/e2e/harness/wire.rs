//! Bytes on a connection, written by hand and read as HTTP/1 messages.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

use super::{Message, in_time};

/// Anything that carries bytes both ways.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {
    /// Makes the next close a reset.
    fn linger_zero(&self) {}
}

impl Carrier for TcpStream {
    fn linger_zero(&self) {
        socket2::SockRef::from(self)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

impl Carrier for UnixStream {}
impl Carrier for tokio_rustls::client::TlsStream<TcpStream> {}
impl<C: Carrier> Carrier for tokio_rustls::server::TlsStream<C> {}

/// One end of a connection. Dropping it closes it.
pub(crate) struct Wire {
    carrier: Box<dyn Carrier>,
    inbox: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(carrier: impl Carrier + 'static) -> Self {
        Self {
            carrier: Box::new(carrier),
            inbox: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        in_time("writing", async {
            self.carrier.write_all(bytes.as_ref()).await?;
            self.carrier.flush().await
        })
        .await
    }

    /// A chunk of a chunked body.
    pub(crate) async fn send_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.try_send(format!("{:x}\r\n", bytes.len())).await?;
        self.try_send(bytes).await?;
        self.try_send("\r\n").await
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        self.carrier.linger_zero();
    }

    /// Reads once; 0 at the end.
    async fn fill(&mut self) -> io::Result<usize> {
        in_time("reading", self.carrier.read_buf(&mut self.inbox)).await
    }

    /// Reads once more, or fails where the other side stops in the middle of something.
    async fn fill_more(&mut self) -> io::Result<()> {
        match self.fill().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Waits, without a deadline, until something comes; false if it is the end.
    pub(crate) async fn awaits_more(&mut self) -> bool {
        !self.inbox.is_empty() || matches!(self.carrier.read_buf(&mut self.inbox).await, Ok(1..))
    }

    /// The next head, or nothing where the connection ends before one begins.
    pub(crate) async fn read_head(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(end) = find(&self.inbox, b"\r\n\r\n") {
                let head: Vec<u8> = self.inbox.drain(..end + 4).collect();
                return Ok(Some(Message::parse(&head)));
            }
            if self.inbox.is_empty() {
                if self.fill().await? == 0 {
                    return Ok(None);
                }
            } else {
                self.fill_more().await?;
            }
        }
    }

    pub(crate) async fn read_request_body(&mut self, request: &Message) -> io::Result<Vec<u8>> {
        if request.is_chunked() {
            return self.read_chunks().await;
        }
        self.read_exactly(request.length().unwrap_or(0)).await
    }

    /// The next response with its body. `method` is the request's.
    pub(crate) async fn read_response(&mut self, method: &str) -> io::Result<Message> {
        let head = self.read_head().await?;
        let mut response = head.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = response.status();
        if method == "HEAD" || status < 200 || matches!(status, 204 | 304) {
            return Ok(response);
        }
        response.body = if response.is_chunked() {
            self.read_chunks().await?
        } else if let Some(length) = response.length() {
            self.read_exactly(length).await?
        } else {
            self.read_to_end().await?
        };
        Ok(response)
    }

    async fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.read_chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// One chunk of a chunked body, or nothing at its end. Trailers are read and forgotten.
    pub(crate) async fn read_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = self.read_line().await?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            while !self.read_line().await?.is_empty() {}
            return Ok(None);
        }
        let chunk = self.read_exactly(size).await?;
        self.read_exactly(2).await?;
        Ok(Some(chunk))
    }

    async fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = find(&self.inbox, b"\r\n") {
                let line: Vec<u8> = self.inbox.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(io::Error::other);
            }
            self.fill_more().await?;
        }
    }

    pub(crate) async fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.inbox.len() < length {
            self.fill_more().await?;
        }
        Ok(self.inbox.drain(..length).collect())
    }

    /// All that comes until the other side closes.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        while self.fill().await? > 0 {}
        Ok(std::mem::take(&mut self.inbox))
    }

    /// The other side closes, and says nothing more before it does. A reset is a close too.
    pub(crate) async fn expect_end(&mut self) {
        match self.read_to_end().await {
            Ok(rest) => assert_eq!(String::from_utf8_lossy(&rest), ""),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}
