//! Certificates by themselves: orders at a CA by ACME (RFC 8555), challenges, renewal.
//!
//! Read [`Keeper`] first: it keeps each certificate of the configuration alive.

mod account;
mod advice;
mod answers;
mod attempt;
mod begun;
mod care;
mod client;
mod dns;
mod failure;
mod issuer;
mod keeper;
mod ledger;
mod lookout;
mod order;
mod proof;
mod propagation;
mod schedule;
mod setbacks;
mod vault;

pub use answers::{Answers, Offer};
pub use failure::{Failure, Fault};
pub use issuer::Issuer;
pub use keeper::{Keeper, Managed, Means};
pub use vault::{file, kept_for as kept};
