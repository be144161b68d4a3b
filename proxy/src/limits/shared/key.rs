//! What a client's bucket is called at the store.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

use crate::{
    config::model::By,
    limits::{Identity, Subject},
};

/// The names of one limit's buckets, on every node the same: `simplon:{OWNER|NAME|BY}:HASH`.
///
/// The limit can be read, so that an operator finds its keys. The client cannot: HASH is half of the SHA-256 of limit and client.
/// That keeps addresses and tokens out of the store's dumps and monitors, and two limits' keys of one client apart. It has no
/// secret, which all nodes would have to share: who reads the store can find a client again that it can guess, such as any IPv4
/// address. Nobody finds two clients with one hash.
#[derive(Clone, Debug)]
pub struct Keys(Box<str>);

/// Bytes of the hash in a name, two letters each.
const HASH: usize = 16;

impl Keys {
    pub fn of(limit: &Identity) -> Self {
        let Identity { owner, name, by } = limit;
        let by = match by {
            By::Client => "client_ip".to_owned(),
            By::Header(name) => format!("header:{name}"),
            By::Cookie(name) => format!("cookie:{name}"),
            By::Route => "route".to_owned(),
        };
        Self(format!("simplon:{{{owner}|{name}|{by}}}:").into())
    }

    /// The bucket of a client, or whatever else is counted.
    pub fn key(&self, subject: Subject<'_>) -> String {
        let mut hash = Context::new(&SHA256);
        hash.update(self.0.as_bytes());
        subject.feed(|bytes| hash.update(bytes));
        let hash = hash.finish();
        let mut key = String::with_capacity(self.0.len() + 2 * HASH);
        key.push_str(&self.0);
        for byte in hash.as_ref().iter().take(HASH) {
            // A string takes whatever is written to it.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, net::IpAddr, sync::Arc};

    use super::*;

    fn limit(owner: &str, name: &str, by: By) -> Identity {
        Identity {
            owner: Arc::from(owner),
            name: Arc::from(name),
            by,
        }
    }

    fn client(address: &str) -> Subject<'static> {
        Subject::Client(address.parse::<IpAddr>().unwrap().into())
    }

    #[test]
    fn a_key_is_the_same_on_every_node_and_names_no_client() {
        let keys = Keys::of(&limit("defaults", "default", By::Client));
        let key = keys.key(client("192.0.2.1"));
        // Another hash would let everybody begin anew, with an edge of each version before them.
        assert_eq!(
            key,
            "simplon:{defaults|default|client_ip}:377acd78743032a77e3b2f10304e919d"
        );
        assert_eq!(key, keys.key(client("::ffff:192.0.2.1")));
    }

    #[test]
    fn whatever_is_counted_apart_has_a_key_of_its_own() {
        let header = By::Header(http::HeaderName::from_static("x-key"));
        let limits = [
            limit("defaults", "default", By::Client),
            limit("defaults", "1", By::Client),
            limit("a.example/", "default", By::Client),
            limit("defaults", "default", header),
            limit("defaults", "default", By::Cookie("x-key".into())),
            limit("defaults", "default", By::Route),
        ];
        let subjects = [
            client("192.0.2.1"),
            client("192.0.2.2"),
            client("2001:db8::1"),
            client("2001:db8:0:1::1"),
            Subject::Value(b"one"),
            Subject::Value(b"two"),
            Subject::Value(b""),
            Subject::Route("a.example/"),
        ];
        let keys = limits.iter().flat_map(|limit| {
            let keys = Keys::of(limit);
            subjects.map(|subject| keys.key(subject))
        });
        let all: HashSet<_> = keys.collect();
        assert_eq!(all.len(), limits.len() * subjects.len());
    }
}
