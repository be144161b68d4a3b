//! Simplon: an edge reverse proxy and load balancer on Pingora.
//!
//! # Layout
//!
//! In the order in which a reader meets the rooms; arrows of dependency point down only.
//!
//! * [`cli`]: the commands. [`process`]: start, reload, drain, signals, the control socket.
//! * [`config`]: text to [`config::Config`], with every problem in its place.
//! * [`snapshot`]: `Config` to [`snapshot::Snapshot`], the one truth a request sees.
//! * [`listen`]: the front door, from a bound address to a [`listen::Stream`]. [`tls`]: certificates.
//! * [`acme`]: certificates by themselves. [`state`]: the directory that outlives the process.
//! * [`gateway`]: the life of a request; read [`gateway::Gateway`] and [`gateway::Exchange`] first.
//! * [`admit`], [`route`], [`policy`], [`balance`], [`forward`], [`respond`]: its stages, values in and values
//!   out.
//! * [`observe`]: metrics and the access log. [`admin`]: the endpoint that shows them.

pub mod acme;
pub mod admin;
pub mod admit;
pub mod balance;
pub mod cli;
pub mod config;
pub mod forward;
pub mod gateway;
pub mod limits;
pub mod listen;
pub mod observe;
pub mod policy;
pub mod process;
pub mod respond;
pub mod route;
pub mod snapshot;
pub mod state;
pub mod tls;
