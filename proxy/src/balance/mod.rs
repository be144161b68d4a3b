//! Chooses a server of an upstream, and learns from what becomes of the choice.
//!
//! Read [`upstream`] first: its `pick` states every rule. Time is a parameter everywhere but in
//! [`health`] and [`names`], which watch the servers in the background, and [`queue`], where requests wait.

pub mod exhaustion;
pub mod health;
pub mod names;
pub mod operation;
pub mod order;
pub mod orders;
pub mod passive;
pub mod probe;
pub mod queue;
pub mod retry;
pub mod round_robin;
pub mod server;
pub mod set;
pub mod slow_start;
pub mod standing;
pub mod sticky;
pub mod upstream;
pub mod vitals;

#[cfg(test)]
mod sample;

pub use exhaustion::is_exhaustion;
pub use operation::{Changed, Operation, Operator, Selected, select};
pub use order::{Order, Ordered, Weight};
pub use orders::Orders;
pub use probe::Reached;
pub use queue::{Picked, QueueNumbers, Waiting};
pub use retry::{Attempt, Sent, is_idempotent};
pub use server::{Pick, Server, Target};
pub use set::{ServerSet, Tried};
pub use standing::HealthState;
pub use sticky::Sticky;
pub use upstream::Upstream;
pub use vitals::{Failure, Idle, Vitals};
