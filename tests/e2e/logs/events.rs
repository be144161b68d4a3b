//! The recent events of an edge, as the page is given them. The edge runs inside these tests: nothing else shows them yet.

use std::sync::Arc;

use simplon::{
    config,
    listen::Workers,
    observe::{Event, Events, events},
    process::{Edge, Running, Source},
};
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::{Origin, free_port, until};

struct Inside {
    directory: TempDir,
    running: Running,
}

impl Inside {
    async fn start(events: &Arc<Events>, server: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().display();
        let (http, admin) = (free_port(), free_port());
        let text = format!(
            "
listeners: {{ http: {{ bind: 127.0.0.1:{http} }} }}
admin: {{ bind: 127.0.0.1:{admin} }}
state: {home}/state
control: {home}/control.sock
log: {{ access: off }}
upstreams: {{ web: {{ servers: [127.0.0.1:{server}], health: {{ path: /, interval: 100ms, fall: 1 }} }} }}
routes: [{{ upstream: web }}]
"
        );
        let file = directory.path().join("simplon.yaml");
        std::fs::write(&file, text).unwrap();
        let loaded = config::load(&file).unwrap_or_else(|report| panic!("{report}"));
        let secrets = Arc::new(rustls::NoKeyLog);
        let running = Edge::start(
            Source::File(file),
            loaded,
            secrets,
            Arc::clone(events),
            Workers::here(),
        )
        .await;
        Self {
            directory,
            running: running.unwrap_or_else(|error| panic!("{error}")),
        }
    }

    fn since(&self, number: u64) -> Vec<Event> {
        self.running.edge.events.since(number)
    }
}

#[tokio::test]
async fn a_server_that_is_down_and_a_refused_reload_are_events() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kept = Arc::<Events>::default();
    let subscriber = tracing_subscriber::registry().with(events::layer(&kept));
    // This runs on one thread, which alone is heard.
    let _log = tracing::subscriber::set_default(subscriber);
    let mut origin = Origin::saying("hello").await;
    let address = origin.to_string();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let edge = Inside::start(&kept, port).await;
    let has = |beginning: &str| {
        let shown = edge.since(0);
        shown
            .into_iter()
            .find(|event| event.text.starts_with(beginning))
    };
    let started = has("generation 1 is in force").unwrap();
    assert_eq!(
        started.text,
        "generation 1 is in force: upstreams=1 routes=1"
    );

    origin.stop().await;
    let down = format!("server is down: upstream=web server={address} reason=");
    until("the server is down", async || has(&down).is_some()).await;
    assert_eq!(has(&down).unwrap().level, tracing::Level::WARN);
    origin.start_again().await;
    let up = format!("server is up: upstream=web server={address}");
    until("the server is up", async || has(&up).is_some()).await;

    let before = edge.since(0).last().unwrap().number;
    std::fs::write(edge.directory.path().join("simplon.yaml"), "routes: 1").unwrap();
    assert!(edge.running.edge.reload().await.is_err());
    let shown = edge.since(before);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0].level, tracing::Level::ERROR);
    assert!(
        shown[0]
            .text
            .starts_with("reload refused, generation 1 stays in force\nerror: "),
        "{shown:?}"
    );
}
