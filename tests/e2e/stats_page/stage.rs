//! What the page looks at: an edge with two upstreams and traffic, and a browser before it.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::harness::{Browser, Client, Origin, Proxy, Reply, until};

pub(super) struct Stage {
    pub(super) proxy: Proxy,
    _web: [Origin; 2],
    /// The only server of `api`.
    pub(super) api: Origin,
    traffic: JoinHandle<()>,
}

/// `$1` and `$2` are of `web`, `$3` is of `api`.
pub(super) const CONFIG: &str = "
    upstreams:
      web:
        servers: [$1, $2]
        health: { path: /health, interval: 100ms, fall: 2, rise: 2 }
      api:
        servers: [$3]
        health: { path: /health, interval: 100ms, fall: 2, rise: 2 }
    routes:
      - { path: /api, upstream: api }
      - { upstream: web }
";

impl Stage {
    /// With some requests a second to either upstream.
    pub(super) async fn set() -> Self {
        let (web, api) = (
            [origin(3).await, origin(8).await],
            Origin::answering(|_| Reply::ok("api").after(Duration::from_millis(20))).await,
        );
        let proxy = Proxy::with(CONFIG, &[&web[0], &web[1], &api]).await;
        let port = proxy.http();
        let traffic = tokio::spawn(async move {
            let mut client = Client::connect(port).await;
            loop {
                for path in ["/", "/api/a", "/shop"] {
                    if client
                        .try_ask("GET", path, &["host: test"], b"")
                        .await
                        .is_err()
                    {
                        client = Client::connect(port).await;
                    }
                }
            }
        });
        Self {
            proxy,
            _web: web,
            api,
            traffic,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.proxy.admin_port())
    }

    /// A browser at the page, once its servers are known to be up and it is live.
    pub(super) async fn opened(&self) -> Browser {
        until("servers are checked", async || {
            let page = self.proxy.admin("/stats").await.unwrap();
            page.text().matches("L7OK/200").count() == 3
        })
        .await;
        let mut browser = Browser::start().await;
        browser.open(&self.url("/stats")).await;
        browser
            .wait_for("document.getElementById('state').textContent === 'live'")
            .await;
        browser
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.traffic.abort();
    }
}

async fn origin(millis: u64) -> Origin {
    let body = "x".repeat(2000);
    Origin::answering(move |_| Reply::ok(body.clone()).after(Duration::from_millis(millis))).await
}
