//! From an accepted socket to a stream: seat, PROXY header, handshake, each under its cap or deadline.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};

use super::{
    Connection, Host, Listener, Room, Seat, Stream, connection::Parties, handshake::shake_hands,
    proxy_header, seat::Full, transport::Transport,
};
use crate::{
    admit::{ClientKey, proxy_header::Ends},
    respond::{Page, Refusal},
};

/// How long accepting rests when the process is out of descriptors or memory.
const REST: Duration = Duration::from_millis(50);
/// Idle connections make room one of so many at a time.
const TURNS: u64 = 8;

/// Accepts on one socket until the task is aborted. Each connection is a task of its own, on the same worker.
pub(super) async fn accept(socket: Arc<TcpListener>, listener: Arc<Listener>, host: Arc<dyn Host>) {
    loop {
        match socket.accept().await {
            Ok((tcp, peer)) => admit(tcp, peer, &listener, &host),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                listener.meters.refused("accept_error");
                if listener.ran_out() {
                    tracing::warn!(listener = %listener.settings.name, %error, "cannot accept connections; resting");
                }
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Whether the error belongs to the connection that was to be accepted (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// An IPv4 address on an IPv6 socket is the same as on an IPv4 one.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn admit(tcp: TcpStream, peer: SocketAddr, listener: &Arc<Listener>, host: &Arc<dyn Host>) {
    let peer = canonical(peer);
    if listener.pressure.is_short_of_memory() {
        return listener.meters.refused("memory");
    }
    let room = Room::for_connections(&listener.settings.limits);
    let seat = match &listener.settings.proxy_protocol {
        None => listener.seats.take(ClientKey::from(peer.ip()), room),
        // Whose the seat is, the header will say.
        Some(proxies) if proxies.contains(peer.ip()) => listener.seats.take_for_anyone(room),
        Some(_) => return listener.meters.refused("not_from_proxy"),
    };
    match seat {
        Ok(seat) => {
            let host = Arc::clone(host);
            // In a box that goes when it is done: a connection that is idle holds nothing of its handshake.
            let opening = Box::pin(open(
                tcp,
                peer,
                Arc::clone(listener),
                seat,
                Arc::clone(&host),
            ));
            tokio::spawn(async move {
                if let Some(stream) = opening.await {
                    let connection = Arc::clone(stream.connection());
                    serve(&connection, host.serve(stream)).await;
                }
            });
        }
        Err(full) => turn_away(&tcp, full, listener, host.as_ref()),
    }
}

/// Serves the connection to its end, and passes on to it what its listener asks for: to make room if it
/// carries no request, or to retire; what it then still carries is cut off when the listener's patience is over.
async fn serve(connection: &Connection, mut serving: BoxFuture<'_, ()>) {
    let mut orders = connection.listener.orders.subscribe();
    let mut relief = orders.borrow().relief;
    let turn = fastrand::u64(..TURNS);
    let patience = loop {
        let asked = *orders.borrow_and_update();
        if let Some(patience) = asked.patience {
            break patience;
        }
        if asked.relief != relief && asked.relief % TURNS == turn && connection.is_idle() {
            connection.listener.meters.refused("relief");
            connection.retire();
        }
        relief = asked.relief;
        tokio::select! {
            biased;
            () = &mut serving => return,
            changed = orders.changed() => match changed {
                Ok(()) => {}
                Err(_) => break Duration::ZERO, // the listener is gone, and nobody waits any more
            },
        }
    };
    connection.retire();
    // What is not done by then is dropped, and with it the connection.
    let _ = Box::pin(tokio::time::timeout(patience, serving)).await;
}

/// Closes at once; a client without TLS that holds too many connections is told so.
fn turn_away(tcp: &TcpStream, full: Full, listener: &Arc<Listener>, host: &dyn Host) {
    match full {
        Full::Listener => listener.meters.refused("full"),
        Full::Client => {
            listener.meters.refused("client");
            host.turned_away(listener, Refusal::TooManyConnections);
            if listener.tls.is_none() {
                // Whatever does not fit into the socket's buffer at once is not worth a task.
                let _ = tcp.try_write(
                    &Page::bare(Refusal::TooManyConnections).to_http1(SystemTime::now()),
                );
            }
        }
    }
}

async fn open(
    mut tcp: TcpStream,
    peer: SocketAddr,
    listener: Arc<Listener>,
    seat: Seat,
    host: Arc<dyn Host>,
) -> Option<Box<Stream>> {
    // Small answers leave at once; the stream coalesces what belongs together.
    let _ = tcp.set_nodelay(true);
    let ends = Ends {
        source: peer,
        destination: canonical(tcp.local_addr().ok()?),
    };
    let mut parties = Parties { ends, via: None };
    if listener.settings.proxy_protocol.is_some()
        && let Some(ends) = proxy_header::read(&mut tcp, peer, &listener).await?.ends
    {
        parties = Parties {
            ends,
            via: Some(peer),
        };
    }
    let client = ClientKey::from(parties.ends.source.ip());
    let seat = if listener.settings.proxy_protocol.is_some() {
        match seat.give_to(client, Room::for_connections(&listener.settings.limits)) {
            Ok(seat) => seat,
            Err(full) => {
                turn_away(&tcp, full, &listener, host.as_ref());
                return None;
            }
        }
    } else {
        seat
    };
    let (transport, facts) = match &listener.tls {
        None => (Transport::Plain(tcp), None),
        Some(terms) => {
            let (tls, facts) = shake_hands(tcp, terms, &listener, client, host.as_ref()).await?;
            (Transport::Tls(tls), Some(facts))
        }
    };
    let connection = Arc::new(Connection::new(listener, &parties, facts));
    Some(Box::new(Stream::new(transport, connection, seat)))
}
