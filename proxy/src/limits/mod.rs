//! Rate limits' live state: how often each client has come, kept in this process or shared over nodes.

mod bucket;
mod flights;
mod limit;
mod registry;
mod shard;
mod subject;
mod table;
mod top;

#[cfg(test)]
mod tests;

pub use bucket::{Bucket, Standing};
pub use flights::{Flight, Flights};
pub use limit::{Limit, Live, MOST_WAITING, Turn};
pub use registry::{Identity, Registry};
pub use shard::Key;
pub use subject::Subject;
pub use table::Table;
pub use top::{Limited, Top};
