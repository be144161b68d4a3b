//! Servers that break the protocol, by mistake or by will: what they say is no answer, and no answer to others.

mod ends;
mod floods;
mod http2;
mod rows;
mod table;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use crate::harness::{Origin, Wire, until};

/// Stands in everything that no client may ever see.
const POISON: &str = "HOSTILE";

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";

/// A server that says `good` to `/good`, and what it is told to say to `/0`, `/1` and so on.
struct Hostile {
    origin: Origin,
    seen: Arc<Seen>,
}

/// What became of connections after something hostile was said on them.
#[derive(Default)]
struct Seen {
    closed: AtomicUsize,
    used_again: AtomicUsize,
}

impl Hostile {
    async fn saying(words: Vec<Vec<u8>>) -> Self {
        let seen = Arc::new(Seen::default());
        let (words, watching) = (Arc::new(words), Arc::clone(&seen));
        let origin = Origin::scripted(move |request, mut wire| {
            let (words, seen) = (Arc::clone(&words), Arc::clone(&watching));
            async move {
                let Ok(row) = request.target()[1..].parse::<usize>() else {
                    wire.send(GOOD).await;
                    return Some(wire);
                };
                // The proxy may close before it has heard all.
                let _ = wire.try_send(&words[row]).await;
                seen.watch(wire).await;
                None
            }
        });
        Self {
            origin: origin.await,
            seen,
        }
    }

    /// Every connection on which this many hostile words were said is closed, and none was used for another request.
    async fn is_never_asked_again(&self, words: usize) {
        until("the proxy closes its connection", async || {
            self.seen.closed.load(SeqCst) == words
        })
        .await;
        assert_eq!(self.seen.used_again.load(SeqCst), 0);
    }
}

impl Seen {
    async fn watch(&self, mut wire: Wire) {
        if wire.awaits_more().await {
            self.used_again.fetch_add(1, SeqCst);
        }
        self.closed.fetch_add(1, SeqCst);
    }
}

/// One upstream, `web`, for everything; none of its failures is tried again.
fn web(more: &str) -> String {
    format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http }}
          https: {{ bind: 127.0.0.1:$https, tls: intermediate }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        upstreams: {{ web: {{ servers: [$1], retries: {{ attempts: 0 }}{more} }} }}
        routes: [{{ upstream: web }}]
        "
    )
}
