//! What an origin answers, and how it puts it on the wire.

use std::{io, time::Duration};

use super::Wire;

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    fields: Vec<String>,
    body: Vec<u8>,
    framing: Framing,
    delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
    /// The body ends with the connection.
    Close,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: body.into(),
            framing: Framing::Length,
            delay: Duration::ZERO,
        }
    }

    /// With a line of header: `etag: "1"`.
    pub(crate) fn with(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    pub(crate) fn until_close(mut self) -> Self {
        self.framing = Framing::Close;
        self
    }

    /// Writes it as the answer to a request of `method`. The wire comes back if it can carry another.
    pub(crate) async fn write(self, mut wire: Wire, method: &str) -> io::Result<Option<Wire>> {
        tokio::time::sleep(self.delay).await;
        let mut head = format!("HTTP/1.1 {} Reason\r\n", self.status);
        for field in &self.fields {
            head.push_str(field);
            head.push_str("\r\n");
        }
        let has_body = method != "HEAD" && !matches!(self.status, 204 | 304);
        let framing = match self.framing {
            Framing::Length if matches!(self.status, 204 | 304) => String::new(),
            Framing::Length => format!("content-length: {}\r\n", self.body.len()),
            Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
            Framing::Close => "connection: close\r\n".to_owned(),
        };
        wire.try_send(format!("{head}{framing}\r\n")).await?;
        if has_body {
            match self.framing {
                Framing::Length | Framing::Close => wire.try_send(&self.body).await?,
                Framing::Chunked => {
                    for chunk in self.body.chunks(64 << 10) {
                        wire.send_chunk(chunk).await?;
                    }
                    wire.try_send("0\r\n\r\n").await?;
                }
            }
        }
        Ok((self.framing != Framing::Close).then_some(wire))
    }
}
