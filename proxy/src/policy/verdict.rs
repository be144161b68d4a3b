//! What a policy decides of a request.

use crate::respond::{Answer, Refusal};

#[derive(Debug)]
pub enum Verdict {
    /// On to the next policy.
    Continue,
    /// The client gets the page of this refusal; unless the policy only observes.
    Refuse(Refusal),
    /// The client gets this.
    Answer(Answer),
}
