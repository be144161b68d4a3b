//! Errors that say nothing of a server: it is we who ran out of something.

use std::io;

use rustix::io::Errno;

/// Descriptors, memory of the kernel, ports to connect from.
const OURS: [Errno; 5] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOBUFS,
    Errno::NOMEM,
    Errno::ADDRNOTAVAIL,
];

/// Whether a connection failed for want of something of ours.
pub fn is_exhaustion(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| OURS.iter().any(|ours| ours.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_lack_is_no_fault_of_the_server() {
        for (error, ours) in [
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::NOMEM, true),
            (Errno::ADDRNOTAVAIL, true),
            (Errno::CONNREFUSED, false),
            (Errno::HOSTUNREACH, false),
            (Errno::NETUNREACH, false),
            (Errno::TIMEDOUT, false),
        ] {
            assert_eq!(is_exhaustion(&io::Error::from(error)), ours, "{error}");
        }
        assert!(!is_exhaustion(&io::ErrorKind::ConnectionRefused.into()));
    }
}
