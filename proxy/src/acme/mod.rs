//! Certificates by themselves: orders at a CA by ACME (RFC 8555), challenges, renewal.

mod answers;
mod kept;

pub use answers::{Answers, Offer};
pub use kept::kept;
