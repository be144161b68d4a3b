//! Simplon: an edge reverse proxy and load balancer.

pub mod admin;
pub mod config;
pub mod observe;
