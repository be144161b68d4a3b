//! The TLS handshake: what the client asks for is seen before anything is answered.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Poll, ready},
    time::SystemTime,
};

use bytes::Bytes;
use rustls::{
    CipherSuite, HandshakeKind, ProtocolVersion,
    server::{Accepted, Acceptor},
};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use super::{Host, Listener, Room, TlsFacts, seat::Full, secure::Secure, transport::Transport};
use crate::{
    admit::ClientKey,
    respond::{Page, Refusal},
    tls::{Terms, Way},
};

/// A whole record: a fatal alert, `unrecognized_name` (RFC 8446 section 6, RFC 6066 section 3). Nothing is
/// encrypted before our first answer.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

const NOT_TLS: Refusal = Refusal::Malformed("this port speaks TLS; its addresses begin with https");

/// Read at once of what a client says first.
const GLANCE: usize = 4 << 10;

/// Why there is no connection. A client that is still there gets to read why.
enum End {
    /// It goes on, or gives up, in its own time.
    Failed(Option<TcpStream>, io::Error),
    UnknownHost(TcpStream),
    /// A request without TLS.
    Plain(TcpStream),
    /// It was a CA, which has seen what it came for.
    Challenged,
}

/// Settles TLS with the client, or counts why not and closes.
pub(super) async fn shake_hands(
    tcp: TcpStream,
    terms: &Terms,
    listener: &Listener,
    client: ClientKey,
    host: &dyn Host,
) -> Option<(Box<Secure>, TlsFacts)> {
    let room = Room::for_handshakes(&listener.settings.limits);
    let place = match listener.handshakes.take(client, room) {
        Ok(seat) => (seat, listener.meters.shaking()),
        Err(full) => {
            listener.meters.refused(match full {
                Full::Listener => "handshakes",
                Full::Client => "client_handshakes",
            });
            return None;
        }
    };
    let started = Instant::now();
    let deadline = started + listener.settings.limits.handshake_timeout;
    let settled = tokio::time::timeout_at(deadline, settle(tcp, terms)).await;
    drop(place);
    let Ok(settled) = settled else {
        listener.meters.refused("handshake_timeout");
        return None;
    };
    let (rest, last_words) = match settled {
        Ok(done) => {
            let (_, facts) = &done;
            let meters = &listener.meters;
            meters.shook_hands(started.elapsed(), facts.resumed);
            return Some(done);
        }
        Err(End::Challenged) => {
            listener.meters.challenged();
            return None;
        }
        Err(End::Failed(tcp, error)) => {
            listener.meters.handshake_failed();
            tracing::debug!(listener = %listener.settings.name, %error, "TLS handshake failed");
            (tcp?, Bytes::new())
        }
        Err(End::UnknownHost(tcp)) => {
            listener.meters.refused("unknown_host");
            (tcp, Bytes::from_static(&UNRECOGNIZED_NAME))
        }
        Err(End::Plain(tcp)) => {
            listener.meters.refused("not_tls");
            host.turned_away(listener, NOT_TLS);
            let page = Page::bare(NOT_TLS).to_http1(SystemTime::now());
            (tcp, page.into())
        }
    };
    Transport::Plain(rest).linger(last_words).await;
    None
}

async fn settle(mut tcp: TcpStream, terms: &Terms) -> Result<(Box<Secure>, TlsFacts), End> {
    let mut hello = Vec::new();
    let (way, server_name) = match hear(&mut tcp, &mut hello).await {
        Ok(heard) => {
            let heard = heard.client_hello();
            let name = heard.server_name().unwrap_or("").to_ascii_lowercase();
            (terms.way(&heard), name)
        }
        Err(_) if is_plain(&hello) => return Err(End::Plain(tcp)),
        Err(error) => return Err(End::Failed(Some(tcp), error)),
    };
    match way {
        Way::Unknown => Err(End::UnknownHost(tcp)),
        Way::Challenge(host) => Err(challenge(tcp, hello, terms, &host).await),
        Way::Serve => match Secure::accept(tcp, terms.config(), hello).await {
            Ok(tls) => greet(tls, server_name, terms).await,
            Err((tcp, error)) => Err(End::Failed(Some(tcp), error)),
        },
    }
}

/// Reads until the client has said hello. If what it says is none it is told so.
async fn hear(tcp: &mut TcpStream, hello: &mut Vec<u8>) -> io::Result<Accepted> {
    let mut acceptor = Acceptor::default();
    loop {
        let before = hello.len();
        read(tcp, hello).await?;
        let mut piece = hello.get(before..).unwrap_or_default();
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if is_plain(hello) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // It may take less at once than there is.
        while !piece.is_empty() && acceptor.read_tls(&mut piece)? > 0 {
            match acceptor.accept() {
                Ok(Some(heard)) => return Ok(heard),
                Ok(None) => {}
                Err((error, mut alert)) => {
                    let mut bytes = Vec::new();
                    alert.write_all(&mut bytes)?;
                    let _ = tcp.write_all(&bytes).await; // what is wrong is what it said
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
    }
}

/// No record of TLS begins with a letter, and every request does.
fn is_plain(hello: &[u8]) -> bool {
    hello.first().is_some_and(u8::is_ascii_uppercase)
}

/// Reads more of what the client says first; nothing once it has left.
async fn read(tcp: &mut TcpStream, hello: &mut Vec<u8>) -> io::Result<()> {
    poll_fn(|cx| {
        let mut space = [MaybeUninit::uninit(); GLANCE];
        let mut room = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *tcp).poll_read(cx, &mut room))?;
        hello.extend_from_slice(room.filled());
        Poll::Ready(Ok(()))
    })
    .await
}

/// RFC 8737 section 3: the handshake is all, and the connection is closed after it.
async fn challenge(tcp: TcpStream, hello: Vec<u8>, terms: &Terms, host: &str) -> End {
    let Some(config) = terms.challenge(host).await else {
        return End::UnknownHost(tcp);
    };
    match Secure::accept(tcp, config, hello).await {
        Ok(mut tls) => {
            let _ = tls.shutdown().await; // it may have left already
            End::Challenged
        }
        Err((tcp, error)) => End::Failed(Some(tcp), error),
    }
}

async fn greet(
    mut tls: Box<Secure>,
    server_name: String,
    terms: &Terms,
) -> Result<(Box<Secure>, TlsFacts), End> {
    match terms.client(tls.session()) {
        Ok(client) => {
            let facts = facts(&tls, server_name, client);
            Ok((tls, facts))
        }
        Err(error) => {
            let _ = tls.shutdown().await;
            Err(End::Failed(None, io::Error::other(error)))
        }
    }
}

fn facts(tls: &Secure, server_name: String, client: Option<Box<str>>) -> TlsFacts {
    let session = tls.session();
    TlsFacts {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        },
        cipher: session
            .negotiated_cipher_suite()
            .map_or("", |suite| name(suite.suite())),
        server_name: server_name.into(),
        h2: session.alpn_protocol() == Some(b"h2"),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        client,
    }
}

/// The suite's name in the registry of RFC 8446; rustls spells those of TLS 1.3 in its own way.
fn name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or(""),
    }
}

#[cfg(test)]
mod tests;
