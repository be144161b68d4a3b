//! What changes on the way through.

mod fields;
mod proxy_header;
mod request;
mod response;

pub use fields::Fields;
pub use proxy_header::ProxyHeader;
pub use request::{Dropped, Origin, request};
pub use response::response;
