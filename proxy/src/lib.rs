//! Simplon: an edge reverse proxy and load balancer.

pub mod config;
pub mod observe;
