//! An address that never takes a connection: its backlog is full and stays so.

use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;

use super::free_port;

/// A listener that accepts nobody.
pub(crate) struct Deaf {
    port: u16,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

impl Deaf {
    pub(crate) fn new() -> Self {
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port)).into();
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&address).unwrap();
        listener.listen(0).unwrap();
        // Linux takes one more than the backlog; what comes after is not answered.
        let waiting = (0..2).map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&address); // goes on in the background
            client
        });
        Self {
            port,
            _waiting: waiting.collect(),
            _listener: listener,
        }
    }
}

/// As a configuration names it.
impl std::fmt::Display for Deaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "127.0.0.1:{}", self.port)
    }
}
