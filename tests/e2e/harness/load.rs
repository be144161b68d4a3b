//! Clients that ask again and again until they are stopped, to show that no request is lost.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::task::JoinSet;

use super::{Client, Proxy, Trust, Wire, shake_hands, until};

/// GET after GET on kept connections.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: JoinSet<Vec<String>>,
}

/// Requests on one connection with TLS, so that hands are shaken all the time.
const A_CONNECTION: usize = 20;

impl Load {
    pub(crate) fn on(proxy: &Proxy, clients: usize) -> Self {
        let door = Door {
            port: proxy.http(),
            host: "test",
            trust: None,
        };
        Self::through(&door, clients)
    }

    /// With TLS for `host`, and new connections again and again.
    pub(crate) fn over_tls(
        proxy: &Proxy,
        host: &'static str,
        trust: &Trust,
        clients: usize,
    ) -> Self {
        let door = Door {
            port: proxy.https(),
            host,
            trust: Some(trust.clone()),
        };
        Self::through(&door, clients)
    }

    fn through(door: &Door, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut all = JoinSet::new();
        for _ in 0..clients {
            all.spawn(ask(door.clone(), Arc::clone(&stop), Arc::clone(&answered)));
        }
        Self {
            stop,
            answered,
            clients: all,
        }
    }

    /// Requests that ended well so far.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until this many more have ended well.
    pub(crate) async fn await_more(&self, count: usize) {
        let enough = self.answered() + count;
        until("the load goes on", async || self.answered() >= enough).await;
    }

    /// Stops, and tells what went wrong.
    pub(crate) async fn failures(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

/// Where clients come in.
#[derive(Clone)]
struct Door {
    port: u16,
    host: &'static str,
    /// With TLS.
    trust: Option<Trust>,
}

impl Door {
    async fn open(&self) -> io::Result<Client> {
        let Some(trust) = &self.trust else {
            return Client::try_connect(self.port).await;
        };
        let stream = shake_hands(self.port, self.host, &["http/1.1"], trust).await?;
        Ok(Client::new(Wire::new(stream)))
    }

    fn requests(&self) -> usize {
        if self.trust.is_some() {
            A_CONNECTION
        } else {
            usize::MAX
        }
    }
}

async fn ask(door: Door, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Vec<String> {
    let host = format!("host: {}", door.host);
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) && failures.len() < 10 {
        let mut client = match door.open().await {
            Ok(client) => client,
            Err(error) => {
                failures.push(format!("connecting: {error}"));
                continue;
            }
        };
        for _ in 0..door.requests() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match client.try_ask("GET", "/load", &[&host], b"").await {
                Ok(response) if response.status() == 200 => {
                    answered.fetch_add(1, Ordering::Relaxed);
                    if response.field("connection") == Some("close") {
                        break;
                    }
                }
                Ok(response) => failures.push(format!("{response:?}")),
                Err(error) => {
                    failures.push(format!("asking: {error}"));
                    break;
                }
            }
        }
    }
    failures
}
