//! What changes on the way through.

mod cookies;
mod fields;
mod guard;
mod hop;
mod proxy_header;
mod request;
mod response;
mod trace;

pub use cookies::{cookies, remove_cookie};
pub(crate) use fields::append;
pub use fields::{Fields, taken_for};
pub use guard::{Guard, guard};
pub use hop::hop_by_hop;
pub use proxy_header::ProxyHeader;
pub use request::{Dropped, Origin, request};
pub use response::response;
pub use trace::{TRACEPARENT, TRACESTATE, Traced};
