//! Where a chunked message ends, watched as its bytes pass.

use std::ops::Range;

use super::syntax::{TOKEN, VALUE};
use crate::respond::Refusal;

/// Bytes of a trailer section at most, its line ends included.
const TRAILER_SIZE: usize = 8 << 10;
const TRAILER_LINES: usize = 32;
/// Hexadecimal digits of a chunk's size at most.
const SIZE_DIGITS: u8 = 16;
/// As for Content-Length: the largest number that every reader represents.
const LARGEST_CHUNK: u64 = 1 << 53;

/// Follows the framing of one chunked message (RFC 9112, section 7.1) without touching its content.
///
/// Strict where readers are known to differ: no chunk extensions, no white space, CRLF alone. Once it has refused
/// something the connection is of no further use, nor is the meter.
#[derive(Clone, Debug)]
pub struct ChunkMeter {
    state: State,
    /// Bytes of data so far.
    content: u64,
    trailer_size: usize,
    trailer_lines: usize,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { digits: u8, size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    LineStart,
    Name,
    Value,
    LineLf,
    EndLf,
    Done,
}

impl Default for ChunkMeter {
    fn default() -> Self {
        Self {
            state: State::Size { digits: 0, size: 0 },
            content: 0,
            trailer_size: 0,
            trailer_lines: 0,
        }
    }
}

impl ChunkMeter {
    /// How many of the bytes, from the first, belong to this message. Fewer than all means that it is done.
    ///
    /// # Errors
    /// The framing is broken, or the trailer section passes 8 KiB or 32 lines.
    pub fn accept(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        self.accept_each(bytes, |_| {})
    }

    /// As [`Self::accept`], and shows each piece of data among the bytes, as they lie in them.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub fn accept_each(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Range<usize>),
    ) -> Result<usize, Refusal> {
        let mut rest = bytes;
        while !self.done() && !rest.is_empty() {
            if let State::Data { left } = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                self.state = match left - here as u64 {
                    0 => State::DataCr,
                    left => State::Data { left },
                };
                self.content += here as u64;
                let at = bytes.len() - rest.len();
                each(at..at + here);
                rest = rest.get(here..).unwrap_or_default();
            } else if let [byte, after @ ..] = rest {
                self.state = self.step(*byte)?;
                rest = after;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// Bytes of data among those accepted.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Whether the message has ended.
    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Size { digits: 1.., size }, b'\r') => Ok(State::SizeLf { size }),
            (State::Size { digits, size }, _) => grow(digits, size, byte),
            (State::SizeLf { size: 0 }, b'\n') => Ok(State::LineStart),
            (State::SizeLf { size }, b'\n') => Ok(State::Data { left: size }),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size { digits: 0, size: 0 }),
            (State::DataCr | State::DataLf, _) => {
                Err(Refusal::Malformed("a chunk is not as long as it says"))
            }
            (State::SizeLf { .. }, _) => Err(Refusal::Malformed("a chunk size has no CRLF")),
            (State::Data { .. } | State::Done, _) => Ok(self.state), // `accept` never asks
            (State::LineStart, b'\r') => Ok(State::EndLf),
            (State::EndLf, b'\n') => Ok(State::Done),
            _ => self.step_in_trailer(byte),
        }
    }

    fn step_in_trailer(&mut self, byte: u8) -> Result<State, Refusal> {
        self.trailer_size += 1;
        self.trailer_lines += usize::from(self.state == State::LineStart);
        if self.trailer_size > TRAILER_SIZE || self.trailer_lines > TRAILER_LINES {
            return Err(Refusal::HeaderTooLarge);
        }
        match self.state {
            State::LineStart | State::Name if TOKEN.contains(byte) => Ok(State::Name),
            State::Name if byte == b':' => Ok(State::Value),
            State::Value if VALUE.contains(byte) => Ok(State::Value),
            State::Value if byte == b'\r' => Ok(State::LineLf),
            State::LineLf if byte == b'\n' => Ok(State::LineStart),
            _ => Err(Refusal::Malformed("the trailer section is malformed")),
        }
    }
}

/// One more digit of a chunk's size.
fn grow(digits: u8, size: u64, byte: u8) -> Result<State, Refusal> {
    let Some(digit) = char::from(byte).to_digit(16) else {
        return Err(Refusal::Malformed(match byte {
            b';' => "a chunk has an extension",
            _ => "a chunk size is not a plain hexadecimal number",
        }));
    };
    let size = size << 4 | u64::from(digit);
    if digits == SIZE_DIGITS || size > LARGEST_CHUNK {
        return Err(Refusal::Malformed("a chunk size is too large"));
    }
    Ok(State::Size {
        digits: digits + 1,
        size,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_ends_with_the_empty_line_after_its_last_chunk() {
        for message in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "00005\r\nhello\r\n000\r\n\r\n",
            "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
            "0\r\nX: a\r\nY:\tb \r\nZ:\r\n\r\n",
            "0000000000000001\r\nx\r\n0000000000000000\r\n\r\n",
        ] {
            let mut meter = ChunkMeter::default();
            let bytes = format!("{message}GET / HTTP/1.1\r\n");
            assert_eq!(meter.accept(bytes.as_bytes()), Ok(message.len()));
            assert!(meter.done(), "{message:?}");
            assert_eq!(meter.accept(b"0\r\n"), Ok(0));
        }
    }

    #[test]
    fn framing_that_two_readers_could_read_differently_is_refused() {
        for (message, reason) in [
            ("\r\n", "plain hexadecimal"),
            ("\n", "plain hexadecimal"),
            (" 5\r\n", "plain hexadecimal"),
            ("5 \r\n", "plain hexadecimal"),
            ("5\t\r\n", "plain hexadecimal"),
            ("5\n", "plain hexadecimal"),
            ("0x5\r\n", "plain hexadecimal"),
            ("+5\r\n", "plain hexadecimal"),
            ("-5\r\n", "plain hexadecimal"),
            ("5_0\r\n", "plain hexadecimal"),
            ("g\r\n", "plain hexadecimal"),
            ("5\0\r\n", "plain hexadecimal"),
            ("5;x\r\n", "extension"),
            ("5;\n", "extension"),
            ("0;x=y\r\n\r\n", "extension"),
            ("5\r\r\n", "no CRLF"),
            ("5\rx", "no CRLF"),
            ("00000000000000005\r\n", "too large"),
            ("ffffffffffffffff\r\n", "too large"),
            ("20000000000001\r\n", "too large"),
            ("10000000000000000\r\n", "too large"),
            ("5\r\nhello!\r\n", "as long as it says"),
            ("5\r\nhell\r\n0\r\n\r\n", "as long as it says"),
            ("5\r\nhello\n0\r\n", "as long as it says"),
            ("5\r\nhello\r0\r\n", "as long as it says"),
            ("5\r\nhelloXX0\r\n", "as long as it says"),
            ("0\r\n\n", "trailer"),
            ("0\r\n\rx", "trailer"),
            ("0\r\nX: a\n\r\n", "trailer"),
            ("0\r\nX: a\rb", "trailer"),
            ("0\r\nX: a\r\n b\r\n\r\n", "trailer"),
            ("0\r\nX : a\r\n\r\n", "trailer"),
            ("0\r\n: a\r\n\r\n", "trailer"),
            ("0\r\nX\r\n\r\n", "trailer"),
            ("0\r\nX: a\0\r\n\r\n", "trailer"),
            ("0\r\nGET / HTTP/1.1\r\n\r\n", "trailer"),
        ] {
            match ChunkMeter::default().accept(message.as_bytes()) {
                Err(Refusal::Malformed(given)) => {
                    assert!(given.contains(reason), "{message:?}: {given}");
                }
                other => panic!("{message:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_trailer_section_has_limits() {
        let lines = |count: usize| format!("0\r\n{}\r\n", "X: a\r\n".repeat(count));
        let sized = |size: usize| format!("0\r\nX:{}\r\n\r\n", "a".repeat(size - 4));
        let accept = |message: &str| ChunkMeter::default().accept(message.as_bytes());
        let (most, largest) = (lines(TRAILER_LINES), sized(TRAILER_SIZE));
        assert_eq!(accept(&most), Ok(most.len()));
        assert_eq!(accept(&largest), Ok(largest.len()));
        for too_much in [lines(TRAILER_LINES + 1), sized(TRAILER_SIZE + 1)] {
            assert_eq!(accept(&too_much), Err(Refusal::HeaderTooLarge));
        }
    }

    /// A body cut into chunks, each size written in one of the ways that are allowed.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        let chunk = (prop::collection::vec(any::<u8>(), 1..40), 0..5_usize);
        let trailer = prop::sample::select(vec!["", "X: a\r\n", "X: a\r\nLong-Name:\t\r\n"]);
        (prop::collection::vec(chunk, 0..6), trailer).prop_map(|(chunks, trailer)| {
            let mut message = Vec::new();
            for (data, width) in chunks {
                let size = format!("{:0width$x}\r\n", data.len());
                message.extend_from_slice(size.as_bytes());
                message.extend_from_slice(&data);
                message.extend_from_slice(b"\r\n");
            }
            message.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
            message
        })
    }

    proptest! {
        #[test]
        fn exactly_the_message_is_taken_wherever_reads_are_cut(
            message in message(),
            next in prop::collection::vec(any::<u8>(), 0..20),
            reads in prop::collection::vec(1..30_usize, 1..20),
        ) {
            let bytes = [message.as_slice(), &next].concat();
            let mut meter = ChunkMeter::default();
            let mut taken = 0;
            for size in reads.into_iter().cycle() {
                let end = bytes.len().min(taken + size);
                let accepted = meter.accept(&bytes[taken..end]).unwrap();
                prop_assert_eq!(meter.done(), taken + accepted == message.len());
                taken += accepted;
                if meter.done() {
                    break;
                }
            }
            prop_assert_eq!(taken, message.len());
        }

        #[test]
        fn any_bytes_are_accepted_or_refused_without_a_panic(
            bytes in prop::collection::vec(
                prop_oneof![prop::sample::select(b"0123af\r\n;: x".to_vec()), any::<u8>()],
                0..60,
            ),
        ) {
            let mut meter = ChunkMeter::default();
            let accepted = meter.accept(&bytes);
            prop_assert!(accepted.is_err() || meter.done() || accepted == Ok(bytes.len()));
        }
    }
}
