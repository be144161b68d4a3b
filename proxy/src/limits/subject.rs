//! Who or what is counted, and the keys that tables know them by.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::shard::Key;
use crate::admit::ClientKey;

/// What a limit counts one request under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// An IPv4 address, or the /64 of an IPv6 one.
    Client(ClientKey),
    /// The value of a header or a cookie, which may be a secret.
    Value(&'a [u8]),
    /// All requests of a route, by its label.
    Route(&'a str),
}

impl Subject<'_> {
    /// Gives all that tells it from others, in an order that does not change: what is hashed here is hashed elsewhere.
    pub fn feed(self, mut take: impl FnMut(&[u8])) {
        match self {
            Self::Client(client) => match client.address() {
                std::net::IpAddr::V4(address) => {
                    take(&[4]);
                    take(&address.octets());
                }
                std::net::IpAddr::V6(network) => {
                    take(&[6]);
                    take(&network.octets());
                }
            },
            Self::Value(value) => {
                take(b"v");
                take(value);
            }
            Self::Route(label) => {
                take(b"r");
                take(label.as_bytes());
            }
        }
    }
}

/// Two random keys of `SipHash`, which was made so that nobody who lacks them can find two subjects of one hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Secret([RandomState; 2]);

impl Secret {
    /// 128 bits: no two subjects meet by chance.
    pub(super) fn key(&self, subject: Subject<'_>) -> Key {
        let [mut high, mut low] = self.0.each_ref().map(BuildHasher::build_hasher);
        subject.feed(|bytes| {
            high.write(bytes);
            low.write(bytes);
        });
        Key::new(high.finish(), low.finish())
    }
}
