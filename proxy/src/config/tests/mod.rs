//! Whole files in, configurations or reports out.

mod access;
mod acme;
mod answers;
mod auth;
mod balancing;
mod compress;
mod defaults;
mod examples;
mod files;
mod headers;
mod limits;
mod mistakes;
mod schema;
mod strange;
mod tracing;
