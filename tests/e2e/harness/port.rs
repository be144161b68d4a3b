//! Ports of our own: below those the kernel gives to outgoing connections, so that none is lost
//! between choosing it and listening on it.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

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
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
