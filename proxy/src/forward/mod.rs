//! What changes on the way through.

mod fields;
mod guard;
mod proxy_header;
mod request;
mod response;
mod trace;

pub(crate) use fields::append;
pub use fields::{Fields, remove_where, taken_for};
pub use guard::{Guard, guard};
pub use proxy_header::ProxyHeader;
pub use request::{Dropped, Origin, request};
pub use response::response;
pub use trace::{TRACEPARENT, TRACESTATE, Traced};
