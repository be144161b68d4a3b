//! The running process: start, reload, drain, and the signals and commands that ask for them.

mod certificates;
mod children;
mod control;
mod control_group;
mod descriptors;
mod drain;
mod edge;
mod memory;
mod operate;
mod orders_file;
mod page;
mod processors;
mod pulse;
mod reload;
mod signals;
mod tickets;
mod view;

pub use children::{Children, Program};
pub use control::{Asked, Command, ask};
pub use edge::{Edge, Running, Source, StartError};
pub use operate::{Operated, ServerStatus};
pub use signals::{Ending, Signals};
