//! The TLS handshake: what the client asks for is seen before anything is answered.

use std::{io, time::SystemTime};

use bytes::Bytes;
use rustls::{CipherSuite, HandshakeKind, ProtocolVersion, server::Acceptor};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, server::TlsStream};

use super::{Host, Listener, Room, TlsFacts, seat::Full, transport::Transport};
use crate::{
    admit::ClientKey,
    respond::{Page, Refusal},
    tls::{Terms, Way},
};

/// A whole record: a fatal alert, `unrecognized_name` (RFC 8446 section 6, RFC 6066 section 3). Nothing is
/// encrypted before our first answer.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

const NOT_TLS: Refusal = Refusal::Malformed("this port speaks TLS; its addresses begin with https");

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
) -> Option<(Box<TlsStream<TcpStream>>, TlsFacts)> {
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

async fn settle(
    tcp: TcpStream,
    terms: &Terms,
) -> Result<(Box<TlsStream<TcpStream>>, TlsFacts), End> {
    let mut first = [0];
    match tcp.peek(&mut first).await {
        // No record of TLS begins with a letter, and every request does.
        Ok(1) if first[0].is_ascii_uppercase() => return Err(End::Plain(tcp)),
        Ok(_) => {}
        Err(error) => return Err(End::Failed(None, error)),
    }
    let mut hello = LazyConfigAcceptor::new(Acceptor::default(), tcp);
    let started = match (&mut hello).await {
        Ok(started) => started,
        Err(error) => return Err(End::Failed(hello.take_io(), error)),
    };
    let way = terms.way(&started.client_hello());
    match way {
        Way::Unknown => Err(End::UnknownHost(started.io)),
        Way::Challenge(host) => Err(challenge(started, terms, &host).await),
        Way::Serve => {
            let handshake = started.into_stream(terms.config()).into_fallible();
            match handshake.await {
                Ok(tls) => greet(tls, terms).await,
                Err((error, tcp)) => Err(End::Failed(Some(tcp), error)),
            }
        }
    }
}

/// RFC 8737 section 3: the handshake is all, and the connection is closed after it.
async fn challenge(started: StartHandshake<TcpStream>, terms: &Terms, host: &str) -> End {
    let Some(config) = terms.challenge(host).await else {
        return End::UnknownHost(started.io);
    };
    match started.into_stream(config).into_fallible().await {
        Ok(mut tls) => {
            let _ = tls.shutdown().await; // it may have left already
            End::Challenged
        }
        Err((error, tcp)) => End::Failed(Some(tcp), error),
    }
}

async fn greet(
    mut tls: TlsStream<TcpStream>,
    terms: &Terms,
) -> Result<(Box<TlsStream<TcpStream>>, TlsFacts), End> {
    match terms.client(tls.get_ref().1) {
        Ok(client) => {
            let facts = facts(&tls, client);
            Ok((Box::new(tls), facts))
        }
        Err(error) => {
            let _ = tls.shutdown().await;
            Err(End::Failed(None, io::Error::other(error)))
        }
    }
}

fn facts(tls: &TlsStream<TcpStream>, client: Option<Box<str>>) -> TlsFacts {
    let (_, session) = tls.get_ref();
    TlsFacts {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        },
        cipher: session
            .negotiated_cipher_suite()
            .map_or("", |suite| name(suite.suite())),
        server_name: session
            .server_name()
            .unwrap_or("")
            .to_ascii_lowercase()
            .into(),
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
