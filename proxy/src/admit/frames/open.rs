//! The streams of which something is still to be sent.

/// Streams that a client has opened, and neither side has seen the end of our answer.
///
/// The lane is done with an answer when the last of it is in a buffer; the client is not.
#[derive(Debug)]
pub(super) struct Open {
    streams: Vec<u32>,
    /// What is opened beyond it is ignored.
    last: u32,
}

impl Open {
    /// More than any limit of `streams`; what is beyond is about to be refused.
    const MOST: usize = 2048;

    pub(super) fn begin(&mut self, stream: u32) {
        if stream <= self.last && self.streams.len() < Self::MOST {
            self.streams.push(stream);
        }
    }

    pub(super) fn end(&mut self, stream: u32) {
        if let Some(place) = self.streams.iter().position(|open| *open == stream) {
            self.streams.swap_remove(place);
        }
    }

    /// We have said goodbye after this one (RFC 9113 section 6.8).
    pub(super) fn end_after(&mut self, last: u32) {
        self.last = self.last.min(last);
        self.streams.retain(|stream| *stream <= last);
    }

    pub(super) fn count(&self) -> usize {
        self.streams.len()
    }
}

impl Default for Open {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            last: u32::MAX,
        }
    }
}
