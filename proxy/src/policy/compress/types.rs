//! Which media types are compressed.

use crate::config::model::MediaRange;

/// What cannot be compressed, whatever the configuration says: gRPC codes its own messages, and a client that counts
/// them could not find them; the parts of a `multipart/byteranges` are pieces of something else.
const NEVER: [&str; 2] = ["application/grpc", "multipart/byteranges"];

#[derive(Debug)]
pub(super) struct MediaTypes {
    exact: Box<[Box<str>]>,
    /// Beginnings, up to the slash.
    below: Box<[Box<str>]>,
    suffixes: Box<[Box<str>]>,
}

impl MediaTypes {
    pub(super) fn new(ranges: &[MediaRange]) -> Self {
        let all = |of: fn(&MediaRange) -> Option<&Box<str>>| {
            ranges.iter().filter_map(of).cloned().collect()
        };
        Self {
            exact: all(|range| match range {
                MediaRange::Type(name) => Some(name),
                _ => None,
            }),
            below: all(|range| match range {
                MediaRange::Below(kind) => Some(kind),
                _ => None,
            }),
            suffixes: all(|range| match range {
                MediaRange::Suffix(suffix) => Some(suffix),
                _ => None,
            }),
        }
    }

    /// Whether the value of a `Content-Type` is one of them. Case and parameters make no difference.
    pub(super) fn have(&self, value: &[u8]) -> bool {
        let end = value.iter().position(|byte| *byte == b';');
        let essence = value.split_at(end.unwrap_or(value.len())).0.trim_ascii();
        let begins = |with: &str| {
            let begin = essence.get(..with.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with.as_bytes()))
        };
        let ends = |with: &str| {
            let from = essence.len().checked_sub(with.len());
            let end = from.and_then(|from| essence.get(from..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(with.as_bytes()))
        };
        let is = |name: &str| essence.eq_ignore_ascii_case(name.as_bytes());
        if NEVER.into_iter().any(begins) {
            return false;
        }
        self.below.iter().any(|kind| begins(kind))
            || self.suffixes.iter().any(|suffix| ends(suffix))
            || self.exact.iter().any(|name| is(name))
    }
}
