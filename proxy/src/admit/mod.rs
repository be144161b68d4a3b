//! Whether a message is sane, who sent it, and its normal form. Pure: bytes and addresses in, facts or a refusal out.

pub mod chunks;
pub mod claims;
pub mod client;
pub mod fields;
pub mod frames;
pub mod head;
pub mod head2;
pub mod host;
pub mod identity;
mod lines;
pub mod message;
pub mod parts;
pub mod path;
pub mod proxy_header;
pub mod reply;
mod syntax;
pub mod trace_context;
pub mod view;

pub use chunks::ChunkMeter;
pub use claims::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_REQUEST_ID};
pub use claims::{is_claim, is_passed_on};
pub use client::{ClientKey, Networks, client_of, to_canonical};
pub use fields::FieldLines;
pub use frames::{Flood, FrameMeter, Offence, Progress};
pub use head::{Framing, Head, HeadLimits, find_end as find_head_end};
pub use host::Host;
pub use identity::RequestId;
pub use message::{Gathered, Gathering, Response};
pub use parts::{RequestParts, ResponseParts, has_option, options};
pub use path::normalise;
pub use reply::{Asked, Reply, ReplyLimits};
pub use trace_context::{SpanId, TraceId, TraceParent};
pub use view::FieldView;
