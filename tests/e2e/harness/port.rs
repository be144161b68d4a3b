//! Ports of our own: below those the kernel gives to outgoing connections, so that none is lost
//! between choosing it and listening on it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU16, Ordering},
};

use socket2::{Domain, Socket, Type};

const FIRST: u16 = 10_000;
/// Linux gives outgoing connections ports from 32768 on.
const COUNT: u16 = 22_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 on which nobody listens, given out once.
pub(crate) fn free_port() -> u16 {
    // Test runs beside this one begin elsewhere.
    let offset = std::process::id().wrapping_mul(619) % u32::from(COUNT);
    let offset = u16::try_from(offset).unwrap();
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (offset + step) % COUNT;
        if is_free(port) {
            return port;
        }
    }
}

/// Binds and does not listen: a process that is being started beside us holds a copy of the socket
/// for a moment, and one that does not listen is in nobody's way.
fn is_free(port: u16) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())
        .is_ok()
}
