//! What the proxy says for itself, and what it does not let in.

mod limits;
mod malformed;
mod pages;
mod smuggling;
