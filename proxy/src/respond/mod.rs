//! What the proxy says for itself: refusals and the pages that carry them, redirects, fixed answers.

mod answer;
mod page;
pub mod refusal;

pub use answer::Answer;
pub use page::Page;
pub use refusal::Refusal;
