//! What passes through, and what changes on the way.

mod bodies;
mod fields;
mod http1;
mod http2;
mod tunnels;
