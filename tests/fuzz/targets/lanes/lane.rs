//! An edge of which all requests go by one lane, with a server behind it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use simplon::{
    config,
    listen::Workers,
    process::{Edge, Running, Source},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    origin::{self, Notes},
    told,
};

/// After that a connection which does not end stands still for good.
const STILL: Duration = Duration::from_secs(5);

pub(crate) struct Lane {
    port: u16,
    notes: Arc<Notes>,
    _running: Running,
    _directory: TempDir,
}

impl Lane {
    pub(crate) async fn start(express: &str) -> Self {
        let (server, notes) = origin::start().await;
        let (port, admin) = (free_port(), free_port());
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path().display();
        let text = format!(
            "
express: {express}
listeners:
  http:
    bind: 127.0.0.1:{port}
    limits: {{ header_size: 1KiB, header_count: 20, uri_size: 256, body_size: 2000, min_rate: 0 }}
admin: {{ bind: 127.0.0.1:{admin} }}
state: {home}/state
control: {home}/control.sock
log: {{ access: off }}
upstreams:
  web: {{ servers: [127.0.0.1:{server}], passive: {{ failures: 1000, window: 1s }}, limits: {{ header_count: 20 }} }}
routes:
  - {{ upstream: web }}
  - {{ path: /answer, respond: {{ body: hello }} }}
  - {{ path: /moved, redirect: {{ to: 'https://b.test{{path}}' }} }}
"
        );
        let file = directory.path().join("simplon.yaml");
        std::fs::write(&file, text).expect("a file");
        let loaded = config::load(&file).unwrap_or_else(|report| panic!("{report}"));
        let secrets = Arc::new(rustls::NoKeyLog);
        let running = Edge::start(
            Source::File(file),
            loaded,
            secrets,
            Arc::default(),
            Workers::here(),
        );
        Self {
            port,
            notes,
            _running: running.await.unwrap_or_else(|error| panic!("{error}")),
            _directory: directory,
        }
    }

    /// What server and client get to see if a client sends this, in pieces of so many bytes.
    pub(crate) async fn ask(&self, sent: Vec<u8>, size: usize, patience: Duration) -> String {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await;
        let stream = stream.expect("the edge listens");
        stream.set_nodelay(true).expect("an option");
        let (mut from, mut to) = stream.into_split();
        let sending = tokio::spawn(async move {
            for piece in sent.chunks(size) {
                if to.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            to
        });
        let mut heard = Vec::new();
        let mut end = "";
        while end.is_empty() {
            end = match timeout(patience, from.read_buf(&mut heard)).await {
                Ok(Ok(0)) => "closed",
                Ok(Ok(_)) => "",
                Ok(Err(_)) => "reset",
                Err(_) => "stands still",
            };
        }
        if end == "stands still" {
            // It waits for what does not come. All has been sent, so it can be told.
            let mut to = sending.await.expect("no panic");
            let _ = to.shutdown().await;
            let rest = timeout(STILL, from.read_to_end(&mut heard)).await;
            end = if rest.is_ok() {
                "waited, then closed"
            } else {
                "stands still"
            };
        } else {
            sending.abort();
        }
        drop(from);
        format!(
            "{}{end}\nserver:\n{}",
            told::by_edge(&heard),
            self.notes.take().await
        )
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
