//! Listening sockets.

use std::{io, iter, net::SocketAddr, num::NonZeroUsize, sync::Arc};

use socket2::{Protocol, SockAddr, Socket, Type};
use tokio::net::TcpListener;

use super::Workers;

/// Connections the kernel holds while we are busy; it caps the figure at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Unsent bytes a client's socket holds at most. Without it the kernel takes megabytes at once and is then
/// full for so long that a slow reader holds much of it. It takes more again when half is sent; whether a reader moves
/// until then, the stream asks.
const UNSENT: u32 = 128 << 10;

/// Binds and listens, for one who accepts alone.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(alone(&address.into())?.into())
}

/// Binds and listens with a socket for each worker, in their order, registered with its reactor.
///
/// Sockets with `SO_REUSEPORT` would share a port with those of any process of the same user, such as another simplon.
/// So the first listens as if it were alone, which fails where anybody else listens, and only then lets others join it (Linux
/// makes a group of it when the second one listens): they are ours, as another process fails with its first.
pub(super) fn listen_at_each(
    address: SocketAddr,
    workers: &Workers,
) -> io::Result<Vec<Arc<TcpListener>>> {
    let first = alone(&address.into())?;
    let bound = first.local_addr()?; // port 0 has become a real one
    if workers.count() > NonZeroUsize::MIN {
        first.set_reuse_port(true)?;
    }
    let others = iter::repeat_with(|| beside_another(&bound));
    let sockets = iter::once(Ok(first)).chain(others);
    let each = workers.iter().zip(sockets);
    let registered = each.map(|(worker, socket)| {
        let _inside = worker.enter();
        TcpListener::from_std(socket?.into()).map(Arc::new)
    });
    registered.collect()
}

fn alone(address: &SockAddr) -> io::Result<Socket> {
    let socket = open(address)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn beside_another(address: &SockAddr) -> io::Result<Socket> {
    let socket = open(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// An IPv6 socket takes IPv6 alone, so that `0.0.0.0` and `[::]` can be bound together.
fn open(address: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?; // accepted sockets inherit it
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What an operator can do about an address that cannot be bound.
pub fn why(address: SocketAddr, error: &io::Error) -> String {
    let (reason, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "another process uses this port".to_owned(),
            format!("find it with `ss -ltnp 'sport = :{}'`, or choose another port", address.port()),
        ),
        io::ErrorKind::PermissionDenied => (
            "ports below 1024 need a privilege".to_owned(),
            "grant it with AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or `setcap cap_net_bind_service=+ep` on the binary".to_owned(),
        ),
        io::ErrorKind::AddrNotAvailable => (
            "this machine has no such address".to_owned(),
            "see `ip address`".to_owned(),
        ),
        _ => (error.to_string(), "see `ss -ltn`".to_owned()),
    };
    format!("cannot listen on {address}: {reason}\n  hint: {hint}")
}
