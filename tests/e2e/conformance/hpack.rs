//! h2spec's section "hpack": what cannot be decoded ends the connection.

use super::{
    play::{Row, Sight},
    say::{fit, get_after, see, with_hpack},
};

/// `x-test` in Huffman code, of a literal without indexing.
const NAME: &[u8] = b"\x00\x85\xf2\xb2\x4a\x84\xff";
const ERROR: Sight = Sight::Undecodable;

pub(super) fn rows() -> Vec<Row> {
    let value = |value: &[u8]| with_hpack(&[NAME, value].concat());
    vec![
        Row::new(
            "hpack/2.3.3/1",
            "Sends a indexed header field representation with invalid index",
            [with_hpack(b"\xc6"), see(ERROR)], // 70
        ),
        Row::new(
            "hpack/2.3.3/2",
            "Sends a literal header field representation with invalid index",
            [with_hpack(b"\x7f\x07\x00"), see(ERROR)], // 70
        ),
        Row::new(
            "hpack/4.2/1",
            "Sends a dynamic table size update at the end of header block",
            [with_hpack(b"\x21"), see(ERROR)],
        ),
        Row::new(
            "hpack/5.2/1",
            "Sends a Huffman-encoded string literal representation with padding longer than 7 bits",
            [value(b"\x84\x49\x50\x9f\xff"), see(ERROR)],
        ),
        Row::new(
            "hpack/5.2/2",
            "Sends a Huffman-encoded string literal representation padded by zero",
            [value(b"\x83\x49\x50\x90"), see(ERROR)],
        ),
        Row::new(
            "hpack/5.2/3",
            "Sends a Huffman-encoded string literal representation containing the EOS symbol",
            [value(b"\x87\x49\x51\xff\xff\xff\xfa\x7f"), see(ERROR)],
        ),
        Row::new(
            "hpack/6.1/1",
            "Sends a indexed header field representation with index 0",
            [with_hpack(b"\x80"), see(ERROR)],
        ),
        Row::new(
            "hpack/6.3/1",
            "Sends a dynamic table size update larger than the value of SETTINGS_HEADER_TABLE_SIZE",
            [
                fit(|settings| get_after(&resizing(settings.table_size() + 1))),
                see(ERROR),
            ],
        ),
    ]
}

/// A dynamic table size update to 31 or more (RFC 7541 sections 5.1 and 6.3).
fn resizing(size: u32) -> Vec<u8> {
    let mut bytes = vec![0x3f];
    let mut left = size - 31;
    while left >= 128 {
        bytes.push(u8::try_from(left % 128).unwrap() | 128);
        left /= 128;
    }
    bytes.push(u8::try_from(left).unwrap());
    bytes
}
