//! What nothing safe can do with the number of a socket: to have a handle of our own on one that belongs to somebody
//! else, and to ask the kernel how much of it is unsent.

use std::{
    ffi::c_int,
    io,
    os::fd::{BorrowedFd, OwnedFd, RawFd},
};

use rustix::ioctl::{Getter, ioctl};

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

/// Linux's `SIOCOUTQ`, tcp(7).
const UNSENT: rustix::ioctl::Opcode = 0x5411;

/// Bytes that the other side has not acknowledged; 0 if the kernel does not say.
#[expect(unsafe_code, reason = "no library has a name for this question")]
pub(super) fn unsent(socket: BorrowedFd<'_>) -> usize {
    // SAFETY: the kernel writes one int for this question, and on a descriptor that is no socket it does nothing.
    let unsent = unsafe { ioctl(socket, Getter::<UNSENT, c_int>::new()) };
    unsent.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(0))
}
