//! Simplon: an edge reverse proxy and load balancer.

pub mod admin;
pub mod admit;
pub mod balance;
pub mod config;
pub mod forward;
pub mod gateway;
pub mod listen;
pub mod observe;
pub mod respond;
pub mod route;
pub mod snapshot;
pub mod tls;
