//! Every limit of a listener: without TLS and with it, at the first request of a connection and at a later one.

mod handshakes;
mod heads;
mod http2;
mod rates;
mod seats;

use crate::harness::{Client, Message, Origin, Proxy, Reply};

/// Without TLS and with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
}

const WAYS: [Way; 2] = [Way::Plain, Way::Tls];

impl Way {
    /// The name of the listener that a client comes in by.
    fn listener(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }
}

/// A proxy with two listeners of the same limits, before an origin.
struct Stage {
    proxy: Proxy,
    origin: Origin,
}

impl Stage {
    /// The origin answers with as many kilobytes as its path says, such as `/30000`.
    async fn limited(limits: &str) -> Self {
        let origin = Origin::answering(|request| {
            let kilobytes = request.target().trim_start_matches('/').parse();
            Reply::ok(vec![b'x'; kilobytes.unwrap_or(0) << 10])
        })
        .await;
        let text = format!(
            "
            listeners:
              http: {{ bind: 127.0.0.1:$http, limits: {{ {limits} }} }}
              https: {{ bind: 127.0.0.1:$https, tls: intermediate, limits: {{ {limits} }} }}
            certificates: [{{ hosts: localhost, self_signed: true, default: true }}]
            upstreams: {{ web: {{ servers: [$1] }} }}
            routes: [{{ upstream: web }}]
            "
        );
        let proxy = Proxy::with(&text, &[&origin]).await;
        Self { proxy, origin }
    }

    /// A new connection; `later` after a first request on it.
    async fn client(&self, way: Way, later: bool) -> Client {
        let mut client = match way {
            Way::Plain => self.proxy.client().await,
            Way::Tls => self.proxy.tls_client("localhost").await,
        };
        if later {
            assert_eq!(get(&mut client).await.status(), 200);
        }
        client
    }

    async fn refusals(&self, reason: &str) -> u64 {
        let labels = [("reason", reason)];
        let count = self.proxy.metric("simplon_refusals_total", &labels).await;
        count.unwrap_or_else(|| panic!("{reason} is counted"))
    }

    async fn turned_away(&self, way: Way, reason: &str) -> u64 {
        let labels = [("listener", way.listener()), ("reason", reason)];
        let name = "simplon_connections_refused_total";
        let count = self.proxy.metric(name, &labels).await;
        count.unwrap_or_else(|| panic!("{reason} is counted"))
    }
}

/// GET, for a host that the certificate is for.
async fn get(client: &mut Client) -> Message {
    client.ask("GET", "/", &["host: localhost"], b"").await
}
