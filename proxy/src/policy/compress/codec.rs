//! What the three codecs have in common.

use std::fmt;

/// One codec with its memory, which serves one body after another.
pub(super) trait Codec: fmt::Debug + Send {
    /// Begins a body, whatever became of the one before. `length` is how long it will be, if that is known.
    fn start(&mut self, level: u8, length: Option<u64>) -> Result<(), Broken>;

    /// Keeps what the next body has a use for, and frees the rest.
    fn rest(&mut self) {}

    /// Reads some of `input` and writes into `room`.
    fn step(&mut self, input: &[u8], aim: Aim, room: &mut [u8]) -> Result<Step, Broken>;
}

/// What is wanted of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// That the input is read. What comes of it may wait for more.
    Read,
    /// That all that was read can be decoded from what is written.
    Flush,
    /// That the body is complete.
    Finish,
}

/// What came of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
    /// Whether what was wanted is done; if not, another step with the rest of the input and new room goes on.
    pub(super) is_done: bool,
}

/// A codec has failed. What it has written cannot be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the codec has failed")]
pub struct Broken;
