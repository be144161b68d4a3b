//! The streams of which something is still to be sent.

/// Streams that a client has opened, and neither side has seen the end of our answer.
///
/// The lane is done with an answer when the last of it is in a buffer; the client is not.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<u32>);

impl Open {
    /// More than any limit of `streams`; what is beyond is about to be refused.
    const MOST: usize = 2048;

    pub(super) fn begin(&mut self, stream: u32) {
        if self.0.len() < Self::MOST {
            self.0.push(stream);
        }
    }

    pub(super) fn end(&mut self, stream: u32) {
        if let Some(place) = self.0.iter().position(|open| *open == stream) {
            self.0.swap_remove(place);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
