//! Whether a message is sane, who sent it, and its normal form. Pure: bytes and addresses in, facts or a refusal out.

pub mod chunks;
pub mod client;
pub mod frames;
pub mod head;
pub mod host;
pub mod identity;
pub mod path;
mod syntax;

pub use chunks::ChunkMeter;
pub use client::{ClientKey, Networks, client_of};
pub use frames::{Flood, FrameMeter, Offence};
pub use head::{Framing, Head, HeadLimits, find_end as find_head_end, imitates};
pub use host::Host;
pub use identity::RequestId;
pub use path::normalise;
