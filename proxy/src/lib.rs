//! Simplon: an edge reverse proxy and load balancer.

pub mod config;
