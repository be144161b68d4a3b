//! What breaks the protocol (RFC 9113), and would be blamed by a wrong name or not at all.
//!
//! The lane, `h2`, ends a connection for each of these, but mostly as `PROTOCOL_ERROR`: it knows a stream that
//! has ended no better than one that never was. Who debugs a client is helped by the right name, which is
//! found here. And one of these is let pass there which must not be: see [`Breach::SelfDependency`].

use std::fmt;

use super::walk::{Frame, flag, kind};

const LARGEST_WINDOW: u32 = (1 << 31) - 1;
const INITIAL_WINDOW_SIZE: u16 = 0x4;

/// How the client breaks the protocol. Its connection ends: a stream's error may be treated as one of the
/// connection (RFC 9113 section 5.4.1), and no client in order makes any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// A frame is too short or too long for its kind (RFC 9113 sections 4.2 and 6).
    Size,
    /// A stream goes on after its end (section 5.1).
    Closed,
    /// An initial window of 2^31 or more (section 6.5.2).
    Window,
    /// A stream depends on itself (RFC 7540 section 5.3.1). RFC 9113 has no dependencies any more; but `h2`
    /// resets such a stream without decoding its header block, and would read all that follow by a table
    /// of HPACK that is not the client's.
    SelfDependency,
}

impl Breach {
    /// The error code (RFC 9113 section 7).
    pub const fn code(self) -> u32 {
        match self {
            Self::SelfDependency => 0x1, // PROTOCOL_ERROR
            Self::Window => 0x3,         // FLOW_CONTROL_ERROR
            Self::Closed => 0x5,         // STREAM_CLOSED
            Self::Size => 0x6,           // FRAME_SIZE_ERROR
        }
    }

    /// One sentence for the log, and for the GOAWAY.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Size => "a frame has the wrong size",
            Self::Closed => "a stream goes on after its end",
            Self::Window => "the initial window is too large",
            Self::SelfDependency => "a stream depends on itself",
        }
    }
}

impl std::error::Error for Breach {}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why())
    }
}

/// What of the past is needed to see a breach.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Streams that the client has ended.
    ended: Latest,
    /// Streams that the client has reset.
    reset: Latest,
    /// The SETTINGS that pass.
    settings: Option<Entries>,
}

impl Order {
    /// Looks at a frame that has begun.
    pub(super) fn judge(&mut self, frame: &Frame) -> Result<(), Breach> {
        if !has_its_size(frame) {
            return Err(Breach::Size);
        }
        self.settings = (frame.kind == kind::SETTINGS).then(Entries::default);
        match frame.kind {
            // DATA after a reset is answered by `h2` with a reset: other streams need not suffer.
            kind::DATA if self.ended.has(frame.stream) => return Err(Breach::Closed),
            kind::HEADERS => {
                if self.ended.has(frame.stream) || self.reset.has(frame.stream) {
                    return Err(Breach::Closed);
                }
                if frame.depends_on() == Some(frame.stream) {
                    return Err(Breach::SelfDependency);
                }
            }
            kind::RST_STREAM => self.reset.add(frame.stream),
            _ => {}
        }
        if frame.ends_stream() {
            self.ended.add(frame.stream);
        }
        Ok(())
    }

    /// Looks at bytes of the payload of the last frame. The initial window that they set, if they do.
    pub(super) fn pass(&mut self, payload: &[u8]) -> Result<Option<u32>, Breach> {
        let settings = self.settings.as_mut();
        let window = settings.and_then(|entries| entries.window(payload));
        if window.is_some_and(|window| window > LARGEST_WINDOW) {
            return Err(Breach::Window);
        }
        Ok(window)
    }
}

/// Whether the length is one that the kind may have: its fixed fields are there, and padding as well.
fn has_its_size(frame: &Frame) -> bool {
    let padding = u32::from(frame.has(flag::PADDED));
    match frame.kind {
        kind::DATA => frame.length >= padding,
        kind::HEADERS => {
            let priority = if frame.has(flag::PRIORITY) { 5 } else { 0 };
            frame.length >= padding + priority
        }
        kind::PRIORITY => frame.length == 5,
        kind::RST_STREAM | kind::WINDOW_UPDATE => frame.length == 4,
        kind::SETTINGS if frame.has(flag::ACK) => frame.length == 0,
        kind::SETTINGS => frame.length.is_multiple_of(6),
        kind::PING => frame.length == 8,
        kind::GOAWAY => frame.length >= 8,
        _ => true,
    }
}

/// The latest of many streams. Of older ones the lane knows that they are no more, and not why.
#[derive(Debug)]
struct Latest {
    streams: [u32; Self::MOST],
    next: usize,
}

impl Latest {
    const MOST: usize = 32;

    fn has(&self, stream: u32) -> bool {
        stream != 0 && self.streams.contains(&stream)
    }

    fn add(&mut self, stream: u32) {
        if let Some(place) = self.streams.get_mut(self.next) {
            *place = stream;
        }
        self.next = (self.next + 1) % Self::MOST;
    }
}

impl Default for Latest {
    fn default() -> Self {
        Self {
            streams: [0; Self::MOST],
            next: 0,
        }
    }
}

/// The entries of SETTINGS, an identifier and a value each (RFC 9113 section 6.5.1), as they pass.
#[derive(Debug, Default)]
struct Entries {
    entry: [u8; 6],
    have: usize,
}

impl Entries {
    /// The initial window that these bytes set; a breach if any of several is one, and else the last.
    fn window(&mut self, payload: &[u8]) -> Option<u32> {
        let windows = payload.iter().filter_map(|byte| self.next(*byte));
        windows.reduce(|before, window| {
            if before > LARGEST_WINDOW {
                before
            } else {
                window
            }
        })
    }

    fn next(&mut self, byte: u8) -> Option<u32> {
        *self.entry.get_mut(self.have)? = byte;
        self.have = (self.have + 1) % self.entry.len();
        let is_window = self.entry.first_chunk() == Some(&INITIAL_WINDOW_SIZE.to_be_bytes());
        let value = self.entry.last_chunk().copied().map(u32::from_be_bytes);
        value.filter(|_| self.have == 0 && is_window)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::walk::Walk, *};

    const WHOLE: u8 = flag::END_HEADERS | flag::END_STREAM;

    /// The verdict on the last of these frames; all before must pass.
    fn verdict(frames: &[(u8, u8, u32, &[u8])]) -> Result<(), Breach> {
        let (mut order, mut walk) = (Order::default(), Walk::default());
        let mut last = Ok(());
        for (kind, flags, stream, payload) in frames {
            assert_eq!(last, Ok(()), "before {kind} on {stream}");
            let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
            let head = [&length[..], &[*kind, *flags], &stream.to_be_bytes()].concat();
            let bytes = [&head, *payload].concat();
            let mut left = &bytes[..];
            let frame = walk.next(&mut left).unwrap();
            last = order.judge(&frame);
            for byte in left {
                last = last.and_then(|()| order.pass(&[*byte]).map(drop));
            }
            assert_eq!(walk.next(&mut left), None);
        }
        last
    }

    #[test]
    fn a_frame_has_the_size_of_its_kind() {
        let all_but =
            |right: &'static [usize]| (0..20).map(move |size| (size, right.contains(&size)));
        let from = |least: usize| (0..20).map(move |size| (size, size >= least));
        let check = |kind, flags, size: usize, is_right: bool| {
            let expected = if is_right { Ok(()) } else { Err(Breach::Size) };
            let payload = vec![0; size];
            let found = verdict(&[(kind, flags, 1, &payload)]);
            assert_eq!(found, expected, "{kind} {flags} of {size}");
        };
        for (kind, flags, right) in [
            (kind::PRIORITY, 0, &[5][..]),
            (kind::RST_STREAM, 0, &[4]),
            (kind::WINDOW_UPDATE, 0, &[4]),
            (kind::PING, 0, &[8]),
            (kind::PING, flag::ACK, &[8]),
            (kind::SETTINGS, 0, &[0, 6, 12, 18]),
            (kind::SETTINGS, flag::ACK, &[0]),
        ] {
            all_but(right).for_each(|(size, is_right)| check(kind, flags, size, is_right));
        }
        for (kind, flags, least) in [
            (kind::DATA, 0, 0),
            (kind::DATA, flag::PADDED, 1),
            (kind::HEADERS, 0, 0),
            (kind::HEADERS, flag::PRIORITY, 5),
            (kind::HEADERS, flag::PRIORITY | flag::PADDED, 6),
            (kind::CONTINUATION, 0, 0),
            (kind::GOAWAY, 0, 8),
            (0xbe, 0, 0),
        ] {
            from(least).for_each(|(size, is_right)| check(kind, flags, size, is_right));
        }
    }

    #[test]
    fn a_stream_that_was_ended_does_not_go_on() {
        let open = (kind::HEADERS, flag::END_HEADERS, 1, &b"block"[..]);
        let whole = (kind::HEADERS, WHOLE, 1, &b"block"[..]);
        let other = (kind::HEADERS, WHOLE, 3, &b"block"[..]);
        let data = (kind::DATA, 0, 1, &b"body"[..]);
        let last = (kind::DATA, flag::END_STREAM, 1, &b"body"[..]);
        let reset = (kind::RST_STREAM, 0, 1, &[0, 0, 0, 8][..]);
        let window = (kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1][..]);
        let priority = (kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 9][..]);
        let cases = [
            (&[open, data, data, whole][..], Ok(())),
            (&[open, data, last, window, reset, priority], Ok(())),
            (&[open, reset, data], Ok(())),
            (&[whole, other], Ok(())),
            (&[whole, whole], Err(Breach::Closed)),
            (&[whole, other, data], Err(Breach::Closed)),
            (&[open, last, last], Err(Breach::Closed)),
            (&[open, last, whole], Err(Breach::Closed)),
            (&[open, reset, whole], Err(Breach::Closed)),
        ];
        for (frames, expected) in cases {
            assert_eq!(verdict(frames), expected, "{frames:?}");
        }
    }

    #[test]
    fn no_stream_depends_on_itself() {
        let priority = flag::PRIORITY | WHOLE;
        let padded = priority | flag::PADDED;
        let cases: [(u8, u32, &[u8], bool); 6] = [
            (priority, 1, &[0, 0, 0, 1, 9, 0x82], true),
            (priority, 1, &[0x80, 0, 0, 1, 9, 0x82], true),
            (priority, 1, &[0, 0, 0, 3, 9, 0x82], false),
            (WHOLE, 1, &[0, 0, 0, 1, 9, 0x82], false),
            (padded, 1, &[0, 0, 0, 0, 1, 9], true),
            (padded, 1, &[1, 0, 0, 0, 0, 9, 0], false),
        ];
        for (flags, stream, payload, is_breach) in cases {
            let found = verdict(&[(kind::HEADERS, flags, stream, payload)]);
            let expected = if is_breach {
                Err(Breach::SelfDependency)
            } else {
                Ok(())
            };
            assert_eq!(found, expected, "{flags} {payload:?}");
        }
    }

    #[test]
    fn an_initial_window_has_31_bits_wherever_it_stands() {
        let largest = [0, 4, 0x7f, 0xff, 0xff, 0xff];
        let larger = [0, 4, 0x80, 0, 0, 0];
        let other = [0, 3, 0xff, 0xff, 0xff, 0xff];
        let cases = [
            (vec![other, largest], Ok(())),
            (vec![larger], Err(Breach::Window)),
            (vec![other, larger], Err(Breach::Window)),
            (vec![other, larger, largest], Err(Breach::Window)),
        ];
        for (entries, expected) in cases {
            let found = verdict(&[(kind::SETTINGS, 0, 0, &entries.concat())]);
            assert_eq!(found, expected, "{entries:?}");
        }
        // What looks like one elsewhere is none.
        assert_eq!(verdict(&[(kind::DATA, 0, 1, &larger)]), Ok(()));
    }
}
