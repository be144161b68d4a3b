//! The PROXY protocol: who the client is when another proxy stands before us, and told to servers.

mod chains;
mod headers;
mod listeners;
mod servers;
