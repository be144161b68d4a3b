//! Simplon: an edge reverse proxy and load balancer.

pub mod balance;
pub mod config;
