//! A client that writes HTTP/1 byte by byte and reads what really comes back.

use std::io;

use tokio::net::TcpStream;

use super::{Message, Wire, in_time};

/// One connection.
pub(crate) struct Client {
    pub(crate) wire: Wire,
}

impl Client {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    pub(crate) async fn connect(port: u16) -> Self {
        Self::try_connect(port).await.unwrap()
    }

    pub(crate) async fn try_connect(port: u16) -> io::Result<Self> {
        let stream = in_time("connecting", TcpStream::connect(("127.0.0.1", port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self::new(Wire::new(stream)))
    }

    /// GET, for host `test`.
    pub(crate) async fn get(&mut self, path: &str) -> Message {
        self.ask("GET", path, &[], b"").await
    }

    /// Sends a request and reads its response.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        lines: &[&str],
        body: &[u8],
    ) -> Message {
        let asked = self.try_ask(method, path, lines, body).await;
        asked.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub(crate) async fn try_ask(
        &mut self,
        method: &str,
        path: &str,
        lines: &[&str],
        body: &[u8],
    ) -> io::Result<Message> {
        let request = request(method, path, lines, body);
        // A proxy that refuses may close before it has read all; what it answered is what counts.
        let _ = self.wire.try_send(request).await;
        self.wire.read_response(method).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.send(bytes).await;
    }

    /// The response to a GET.
    pub(crate) async fn response(&mut self) -> Message {
        self.wire.read_response("GET").await.unwrap()
    }

    /// The proxy closes, and says nothing more before it does.
    pub(crate) async fn expect_end(&mut self) {
        self.wire.expect_end().await;
    }
}

/// The bytes of a request for host `test`, unless the lines name another. A body comes with its
/// length, unless the lines give another framing.
pub(crate) fn request(method: &str, path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let has = |name: &str| {
        lines
            .iter()
            .any(|line| line.to_ascii_lowercase().starts_with(name))
    };
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !has("host:") {
        head.push_str("host: test\r\n");
    }
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    if !body.is_empty() && !has("content-length:") && !has("transfer-encoding:") {
        head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}
