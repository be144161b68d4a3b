//! A handle of our own on a socket that belongs to somebody else.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd, RawFd},
};

/// A second handle on the open socket `socket`. Its number alone could be another connection's by the
/// time it is used.
#[expect(
    unsafe_code,
    reason = "Pingora shows an exchange its server's socket as a number, and nothing safe takes one"
)]
pub fn second_handle(socket: RawFd) -> io::Result<OwnedFd> {
    if socket < 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    // SAFETY: the number is not -1, and the descriptor is borrowed for this call alone, in which
    // whoever shows it to us holds it open.
    unsafe { BorrowedFd::borrow_raw(socket) }.try_clone_to_owned()
}
