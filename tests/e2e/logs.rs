//! What is written down of requests, and what the program says of itself.

mod events;
mod formats;
mod journal;
mod rotation;
mod sampling;
mod secrets;
