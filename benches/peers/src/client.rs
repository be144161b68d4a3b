//! A small client of HTTP/1.1: one request, one response, by length or by chunks.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::outcome::{In, Outcome};

/// No answer here is longer.
const LONGEST: usize = 4 << 20;

/// A connection from an address of the loopback network.
pub(crate) async fn connect(to: SocketAddr, from: Ipv4Addr) -> Outcome<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let stream = socket.connect(to).await.while_doing("connecting")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection with TLS to `localhost`.
pub(crate) async fn connect_tls(
    to: SocketAddr,
    from: Ipv4Addr,
    config: &Arc<ClientConfig>,
) -> Outcome<TlsStream<TcpStream>> {
    let stream = connect(to, from).await?;
    let name = ServerName::try_from("localhost")?;
    TlsConnector::from(Arc::clone(config))
        .connect(name, stream)
        .await
        .while_doing("handshake")
}

#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub status: u16,
    /// The head in small letters.
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(field, _)| *field == name)?;
        Some(value.trim())
    }
}

/// A GET, whose lines end with `headers` (each with its line's end).
pub(crate) fn request(host: &str, path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n")
}

/// Sends a request and waits for the whole response.
pub(crate) async fn exchange<S>(stream: &mut S, request: &str) -> Outcome<Reply>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut bytes = Vec::with_capacity(2048);
    let end = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let mut reply = Reply {
        status: status.ok_or("no status")?,
        head,
        body: Vec::new(),
    };
    if reply.header("transfer-encoding") == Some("chunked") {
        while !chunks(&body, &mut reply.body)? {
            reply.body.clear();
            more(stream, &mut body).await?;
        }
        return Ok(reply);
    }
    let length = reply
        .header("content-length")
        .ok_or("an answer without a length")?;
    let length: usize = length.parse()?;
    while body.len() < length {
        more(stream, &mut body).await?;
    }
    if body.len() > length {
        return Err("more than was asked for".into());
    }
    reply.body = body;
    Ok(reply)
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut Vec<u8>) -> Outcome<()> {
    if bytes.len() > LONGEST {
        return Err("an answer without an end".into());
    }
    match stream.read_buf(bytes).await? {
        0 => Err("closed before the answer's end".into()),
        _ => Ok(()),
    }
}

/// Takes a chunked body apart; false if it is not all there.
fn chunks(mut bytes: &[u8], body: &mut Vec<u8>) -> Outcome<bool> {
    loop {
        let Some(end) = find(bytes, b"\r\n") else {
            return Ok(false);
        };
        let (line, rest) = bytes.split_at(end);
        let length = usize::from_str_radix(std::str::from_utf8(line)?, 16)?;
        let Some((chunk, after)) = rest.get(2..).and_then(|rest| rest.split_at_checked(length))
        else {
            return Ok(false);
        };
        let Some(after) = after.strip_prefix(b"\r\n") else {
            return Ok(false);
        };
        if length == 0 {
            return Ok(true);
        }
        body.extend_from_slice(chunk);
        bytes = after;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(said: &'static [u8]) -> Outcome<Reply> {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(said).await?;
        drop(theirs.shutdown().await);
        let serve = tokio::spawn(async move {
            let mut asked = Vec::new();
            theirs.read_to_end(&mut asked).await
        });
        let reply = exchange(&mut ours, "GET / HTTP/1.1\r\n\r\n").await;
        drop(ours);
        serve.await??;
        reply
    }

    #[tokio::test]
    async fn a_body_ends_by_its_length_or_its_last_chunk() {
        for said in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ] {
            let reply = answered(said).await.unwrap();
            assert_eq!((reply.status, &reply.body[..]), (200, &b"hello"[..]));
        }
    }

    #[tokio::test]
    async fn what_is_cut_or_too_long_is_an_error() {
        for said in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n",
            b"HTTP/1.1 200 OK\r\n",
        ] {
            assert!(answered(said).await.is_err());
        }
    }
}
