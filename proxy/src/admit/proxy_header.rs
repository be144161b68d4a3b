//! The header of the PROXY protocol, versions 1 and 2, from its bytes; `forward/proxy_header.rs` writes it.
//!
//! The source is HAProxy's specification, `doc/proxy-protocol.txt`, whose sections are named below.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Bytes of a header at most. The specification speaks of 536, but every extra that it registers, each at its
/// largest, makes a little more than a thousand.
pub const LONGEST: usize = 2048;

/// Of a line of version 1, with its CR LF (section 2.1).
const LONGEST_LINE: usize = 107;

const TEXT: [u8; 6] = *b"PROXY ";
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The bytes of version 2 that are always there, with the length of the others.
const FIXED: usize = 16;
/// The type of the checksum among the extras of version 2 (section 2.2.3).
const CHECKSUM: u8 = 0x03;

const NO_HEADER: Reading = Reading::Bad("does not begin with a header");

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They begin with a whole header.
    Whole(Header),
    /// All of them belong to a header, and more of it must follow.
    Incomplete,
    /// They do not, and no further byte can help.
    Bad(&'static str),
}

/// A header that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Nothing if the connection stands for whoever sent the header: a proxy that asks for itself
    /// (`LOCAL`), or that cannot name its client (`UNKNOWN`, or one on a socket of the file system).
    pub ends: Option<Ends>,
    /// Bytes of the header. What follows is what the client said.
    pub length: usize,
}

/// Between whom a connection is. An IPv4 address mapped into IPv6 has become IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// The client.
    pub source: SocketAddr,
    /// Where the client connected to.
    pub destination: SocketAddr,
}

/// Looks for a header at the beginning of `bytes`. Which version it is shows in the first of them.
pub fn parse(bytes: &[u8]) -> Reading {
    let parsed = match bytes.first() {
        None => return Reading::Incomplete,
        Some(b'P') => parse_line(bytes),
        Some(b'\r') => parse_binary(bytes),
        Some(_) => return NO_HEADER,
    };
    parsed.unwrap_or_else(|why_not| why_not)
}

type Parsed = Result<Reading, Reading>;

const fn bad(reason: &'static str) -> Reading {
    Reading::Bad(reason)
}

/// Whether `bytes` are, or could become, what begins with `start`.
fn may_begin_with(start: &[u8], bytes: &[u8]) -> bool {
    let shared = start.len().min(bytes.len());
    start.get(..shared) == bytes.get(..shared)
}

/// Version 1: a line of text (section 2.1).
fn parse_line(bytes: &[u8]) -> Parsed {
    if !may_begin_with(&TEXT, bytes) {
        return Err(NO_HEADER);
    }
    let line = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let unended = if line.len() < LONGEST_LINE {
        Reading::Incomplete
    } else {
        bad("is a line of more than 107 bytes")
    };
    let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let (line, end) = end
        .and_then(|at| line.split_at_checked(at))
        .ok_or(unended)?;
    match end {
        [b'\r', b'\n', ..] => {}
        [b'\r'] => return Err(unended),
        _ => return Err(bad("ends with CR or LF alone")),
    }
    let length = line.len() + 2;
    let words = line.get(TEXT.len()..).unwrap_or_default();
    let is_unknown = words.split(|byte| *byte == b' ').next() == Some(b"UNKNOWN");
    let ends = if is_unknown {
        None // whatever else such a line says is to be ignored
    } else {
        Some(ends_in_words(words).ok_or(bad("is not a line of version 1"))?)
    };
    Ok(Reading::Whole(Header { ends, length }))
}

/// `TCP4 192.0.2.1 192.0.2.2 56324 443`
fn ends_in_words(words: &[u8]) -> Option<Ends> {
    let words: Vec<&str> = str::from_utf8(words).ok()?.split(' ').take(6).collect();
    let [family, source, destination, from, to] = *words.as_slice() else {
        return None;
    };
    let address: fn(&str) -> Option<IpAddr> = match family {
        "TCP4" => address::<Ipv4Addr>,
        "TCP6" => address::<Ipv6Addr>,
        _ => return None,
    };
    Some(Ends {
        source: SocketAddr::new(address(source)?, port(from)?),
        destination: SocketAddr::new(address(destination)?, port(to)?),
    })
}

fn address<A: FromStr + Into<IpAddr>>(word: &str) -> Option<IpAddr> {
    let address: IpAddr = word.parse::<A>().ok()?.into();
    Some(address.to_canonical())
}

fn port(word: &str) -> Option<u16> {
    let is_canonical = word == "0" || !word.starts_with(['0', '+']);
    word.parse().ok().filter(|_| is_canonical)
}

/// Version 2: addresses as bytes, and extras (section 2.2).
fn parse_binary(bytes: &[u8]) -> Parsed {
    if !may_begin_with(&SIGNATURE, bytes) {
        return Err(NO_HEADER);
    }
    let is_local = match bytes.get(SIGNATURE.len()) {
        None => return Err(Reading::Incomplete),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(bad("has an unknown version or command")),
    };
    let Some([.., family, high, low]) = bytes.first_chunk::<FIXED>() else {
        return Err(Reading::Incomplete);
    };
    let length = FIXED + usize::from(u16::from_be_bytes([*high, *low]));
    if length > LONGEST {
        return Err(bad("is longer than 2048 bytes"));
    }
    let header = bytes.get(..length).ok_or(Reading::Incomplete)?;
    let block = header.get(FIXED..).unwrap_or_default();
    let ends = if is_local {
        None // the family and the whole block are to be ignored
    } else {
        let (ends, extras) = ends_in_block(*family, block)?;
        verify(header, extras)?;
        ends
    };
    Ok(Reading::Whole(Header { ends, length }))
}

/// The addresses of a block, and the extras behind them.
fn ends_in_block(family: u8, block: &[u8]) -> Result<(Option<Ends>, &[u8]), Reading> {
    const TOO_SHORT: Reading = bad("is too short for its addresses");
    match family {
        // Unspecified: the sender had no way to say it.
        0x00 => Ok((None, block)),
        0x11 => inet::<4>(block).ok_or(TOO_SHORT),
        0x21 => inet::<16>(block).ok_or(TOO_SHORT),
        // Two paths of 108 bytes: a client on the sender's own machine, which has no address.
        0x31 => Ok((None, block.get(216..).ok_or(TOO_SHORT)?)),
        0x12 | 0x22 | 0x32 => Err(bad("is for datagrams")),
        _ => Err(bad("has an unknown family or transport")),
    }
}

/// Two addresses of `N` bytes, then two ports.
fn inet<const N: usize>(block: &[u8]) -> Option<(Option<Ends>, &[u8])>
where
    IpAddr: From<[u8; N]>,
{
    let (source, block) = block.split_first_chunk::<N>()?;
    let (destination, block) = block.split_first_chunk::<N>()?;
    let (from, block) = block.split_first_chunk()?;
    let (to, extras) = block.split_first_chunk()?;
    let end = |address: &[u8; N], port: &[u8; 2]| {
        let address = IpAddr::from(*address).to_canonical();
        SocketAddr::new(address, u16::from_be_bytes(*port))
    };
    let ends = Ends {
        source: end(source, from),
        destination: end(destination, to),
    };
    Some((Some(ends), extras))
}

/// Steps over the extras of a header; a checksum among them must be right (section 2.2.3).
fn verify(header: &[u8], mut extras: &[u8]) -> Result<(), Reading> {
    const CUT_OFF: Reading = bad("has an extra that is cut off");
    let mut checksum = None;
    while !extras.is_empty() {
        let ([kind, high, low], rest) = extras.split_first_chunk::<3>().ok_or(CUT_OFF)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length).ok_or(CUT_OFF)?;
        if *kind == CHECKSUM {
            let value = <[u8; 4]>::try_from(value).ok();
            let value = value.ok_or(bad("has a checksum that is not 4 bytes long"))?;
            let at = header.len() - rest.len() - value.len();
            if checksum.replace((at, value)).is_some() {
                return Err(bad("has two checksums"));
            }
        }
        extras = rest;
    }
    let Some((at, value)) = checksum else {
        return Ok(());
    };
    let zeroed = (0..).zip(header).map(|(place, byte)| {
        let is_checksum = (at..at + value.len()).contains(&place);
        if is_checksum { 0 } else { *byte }
    });
    if crc32c(zeroed) == u32::from_be_bytes(value) {
        Ok(())
    } else {
        Err(bad("does not match its checksum"))
    }
}

/// The checksum of RFC 4960, Appendix B. Headers are short and rarely have one, so that a bit at a time will do.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let sum = bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            let carry = if sum & 1 == 1 { POLYNOMIAL } else { 0 };
            sum >> 1 ^ carry
        })
    });
    !sum
}

#[cfg(test)]
mod tests;
