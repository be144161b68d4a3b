//! Numbers and addresses as text. The formatting machinery would cost more than the rest of a line.

use std::{io::Write, net::IpAddr};

pub(super) fn write_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(value).as_bytes());
}

pub(super) fn write_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            write_integer(a, out);
            for octet in [b, c, d] {
                out.push(b'.');
                write_integer(octet, out);
            }
        }
        // Writing to memory cannot fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}
