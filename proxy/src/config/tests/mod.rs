//! Whole files in, configurations or reports out.

mod examples;
