//! Simplon: an edge reverse proxy and load balancer.

pub mod admit;
pub mod config;
pub mod respond;
pub mod route;
