//! The load of handshakes: clients that connect, shake hands, ask once and leave, again and again.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, HandshakeKind, client::Resumption};
use tokio::task::JoinSet;

use crate::{
    client, field::Field, load::Answered, origin, outcome::Outcome, peer::Running, verify,
};

/// Clients at a time, each from an address of its own.
const CLIENTS: u8 = 16;

/// Clients that are ready; those that resume have a ticket.
#[derive(Debug)]
pub(crate) struct Clients {
    all: Vec<Client>,
}

#[derive(Clone, Debug)]
struct Client {
    from: Ipv4Addr,
    to: SocketAddr,
    config: Arc<ClientConfig>,
    kind: HandshakeKind,
    request: Arc<str>,
}

impl Clients {
    pub(crate) async fn prepare(field: &Field, running: &Running, resumes: bool) -> Outcome<Self> {
        let request = client::request("localhost", origin::SMALL, "Connection: close\r\n");
        let request: Arc<str> = request.into();
        let mut all = Vec::new();
        for number in 0..CLIENTS {
            let (resumption, kind) = if resumes {
                (Resumption::in_memory_sessions(8), HandshakeKind::Resumed)
            } else {
                (Resumption::disabled(), HandshakeKind::Full)
            };
            let client = Client {
                from: Ipv4Addr::new(127, 0, 0, 2 + number),
                to: running.https,
                config: field.certificate.client(b"http/1.1", resumption)?,
                kind,
                request: Arc::clone(&request),
            };
            if resumes {
                client.once().await?;
            }
            all.push(client);
        }
        Ok(Self { all })
    }

    /// Has them connect for so long.
    pub(crate) async fn run(self, seconds: f64) -> Outcome<Answered> {
        let begin = Instant::now();
        let end = begin + Duration::from_secs_f64(seconds);
        let mut tasks = JoinSet::new();
        for client in self.all {
            tasks.spawn(client.until(end));
        }
        let mut requests = 0;
        while let Some(done) = tasks.join_next().await {
            requests += done??;
        }
        Ok(Answered {
            requests,
            wall: begin.elapsed().as_secs_f64(),
        })
    }
}

impl Client {
    async fn until(self, end: Instant) -> Outcome<u64> {
        let mut count = 0;
        while Instant::now() < end {
            let kind = self.once().await?;
            if kind != Some(self.kind) {
                return Err(format!("a handshake was {kind:?}, not {:?}", self.kind).into());
            }
            count += 1;
        }
        Ok(count)
    }

    /// One connection; returns of which kind its handshake was.
    async fn once(&self) -> Outcome<Option<HandshakeKind>> {
        let mut stream = client::connect_tls(self.to, self.from, &self.config).await?;
        let reply = client::exchange(&mut stream, &self.request).await?;
        if reply.status != 200 {
            return Err(format!("status {}", reply.status).into());
        }
        let tls = stream.get_ref().1;
        verify::agreed(tls, b"http/1.1")?;
        Ok(tls.handshake_kind())
    }
}
