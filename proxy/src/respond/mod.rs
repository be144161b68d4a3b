//! What the proxy says for itself: refusals and the pages that carry them, redirects, fixed answers.

mod answer;
mod custom_page;
mod fixed;
pub mod media;
mod page;
mod redirect;
pub mod refusal;

pub use answer::Answer;
pub use custom_page::{CustomPage, Form, PageFacts};
pub use fixed::Fixed;
pub use page::Page;
pub use redirect::Redirect;
pub use refusal::Refusal;
