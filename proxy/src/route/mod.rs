//! Which route a request takes. Knows hosts, paths and methods; nothing of what a route does.

mod host;
mod methods;
mod path;
mod pattern;
mod table;
mod target;
mod template;

pub use methods::{Methods, UnknownMethod};
pub use pattern::{BadPattern, Pattern};
pub use table::{Found, RouteTable};
pub use target::{Asked, Target};
pub use template::{BadTemplate, Template};
