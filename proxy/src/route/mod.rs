//! Which route a request takes. Knows hosts, paths and methods; nothing of what a route does.

mod host;
mod methods;
mod path;
mod table;

pub use methods::{Methods, UnknownMethod};
pub use table::{Found, RouteTable};
