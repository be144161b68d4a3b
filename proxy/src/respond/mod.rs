//! What the proxy says for itself.

pub mod refusal;

pub use refusal::Refusal;
