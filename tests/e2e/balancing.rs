//! Which server gets a request, and what happens when it fails.

mod choice;
mod health;
mod retries;
mod slow_start;
mod timeouts;
