//! Clients that ask again and again until they are stopped, to show that no request is lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::task::JoinSet;

use super::{Client, Proxy, until};

/// GET after GET on kept connections.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: JoinSet<Vec<String>>,
}

impl Load {
    pub(crate) fn on(proxy: &Proxy, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut all = JoinSet::new();
        for _ in 0..clients {
            all.spawn(ask(proxy.http(), Arc::clone(&stop), Arc::clone(&answered)));
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

async fn ask(port: u16, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Vec<String> {
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) && failures.len() < 10 {
        let mut client = match Client::try_connect(port).await {
            Ok(client) => client,
            Err(error) => {
                failures.push(format!("connecting: {error}"));
                continue;
            }
        };
        while !stop.load(Ordering::Relaxed) {
            match client.try_ask("GET", "/load", &[], b"").await {
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
