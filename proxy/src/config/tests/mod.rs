//! Whole files in, configurations or reports out.

mod acme;
mod auth;
mod defaults;
mod examples;
mod files;
mod mistakes;
mod strange;
