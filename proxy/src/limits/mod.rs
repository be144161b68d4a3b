//! Rate limits' live state: how often each client has come, kept in this process or shared over nodes.

mod bucket;
pub mod shared;

pub use bucket::{Bucket, Standing};
