//! Listening sockets.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections the kernel holds while we are busy; it caps the figure at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Unsent bytes a client's socket holds at most. Without it the kernel takes megabytes at once and is then
/// full for so long that a slow reader holds much of it. It takes more again when half is sent; whether a reader moves
/// until then, the stream asks.
const UNSENT: u32 = 128 << 10;

/// Binds and listens. An IPv6 socket takes IPv6 alone, so that `0.0.0.0` and `[::]` can be bound together.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?; // accepted sockets inherit it
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
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
