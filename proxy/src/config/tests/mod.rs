//! Whole files in, configurations or reports out.

mod access;
mod acme;
mod defaults;
mod examples;
mod files;
mod mistakes;
mod strange;
