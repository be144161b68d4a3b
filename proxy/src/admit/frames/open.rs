//! The streams of which something is still to be sent, and what the client lets us send.

/// What a window is before anybody says otherwise (RFC 9113 section 6.9.2).
const INITIAL_WINDOW: i64 = 65_535;

/// Streams that a client has opened, and neither side has seen the end of our answer.
///
/// The lane is done with an answer when the last of it is in a buffer; the client is not.
#[derive(Debug)]
pub(super) struct Open {
    streams: Vec<Stream>,
    /// What is opened beyond it is ignored.
    last: u32,
    /// Of each new stream.
    initial_window: i64,
    /// Of the connection.
    window: i64,
}

#[derive(Debug)]
struct Stream {
    number: u32,
    is_answered: bool,
    /// Below zero after the client has taken back some of it (RFC 9113 section 6.9.2).
    window: i64,
}

impl Open {
    /// More than any limit of `streams`; what is beyond is about to be refused.
    const MOST: usize = 2048;

    pub(super) fn begin(&mut self, number: u32) {
        if number <= self.last && self.streams.len() < Self::MOST {
            self.streams.push(Stream {
                number,
                is_answered: false,
                window: self.initial_window,
            });
        }
    }

    /// True if the stream was open.
    pub(super) fn end(&mut self, number: u32) -> bool {
        let place = self.streams.iter().position(|open| open.number == number);
        place.map(|place| self.streams.swap_remove(place)).is_some()
    }

    /// We have said goodbye after this one (RFC 9113 section 6.8).
    pub(super) fn end_after(&mut self, last: u32) {
        self.last = self.last.min(last);
        self.streams.retain(|stream| stream.number <= last);
    }

    /// Headers were sent. True if they begin the answer.
    pub(super) fn answer(&mut self, number: u32) -> bool {
        let stream = self.stream(number);
        stream.is_some_and(|stream| !std::mem::replace(&mut stream.is_answered, true))
    }

    /// A part of a body was sent.
    pub(super) fn spend(&mut self, number: u32, bytes: u32) {
        self.window = self.window.saturating_sub(bytes.into());
        if let Some(stream) = self.stream(number) {
            stream.window = stream.window.saturating_sub(bytes.into());
        }
    }

    /// The client opens the window of a stream, or with 0 that of the connection.
    pub(super) fn widen(&mut self, number: u32, bytes: u32) {
        if number == 0 {
            self.window = self.window.saturating_add(bytes.into());
        } else if let Some(stream) = self.stream(number) {
            stream.window = stream.window.saturating_add(bytes.into());
        }
    }

    /// The client says how wide windows are to begin with, which changes those there are (RFC 9113 section 6.9.2).
    pub(super) fn begin_with(&mut self, window: u32) {
        let change = i64::from(window) - self.initial_window;
        self.initial_window = window.into();
        for stream in &mut self.streams {
            stream.window = stream.window.saturating_add(change);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.streams.len()
    }

    /// How many of them have no window left.
    pub(super) fn starved(&self) -> usize {
        if self.window <= 0 {
            return self.count();
        }
        let starved = self.streams.iter().filter(|stream| stream.window <= 0);
        starved.count()
    }

    fn stream(&mut self, number: u32) -> Option<&mut Stream> {
        self.streams
            .iter_mut()
            .find(|stream| stream.number == number)
    }
}

impl Default for Open {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            last: u32::MAX,
            initial_window: INITIAL_WINDOW,
            window: INITIAL_WINDOW,
        }
    }
}
