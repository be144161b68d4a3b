//! What changes on the way through.

mod fields;
mod request;
mod response;

pub use fields::Fields;
pub use request::{Dropped, Origin, request};
pub use response::response;
