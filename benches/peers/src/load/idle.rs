//! Connections that had one request and are held open: from many addresses of the loopback network, as clients come.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, client::Resumption};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};

use crate::{client, field::Field, origin, outcome::Outcome, peer::Running};

/// Connections from one address; below what Simplon allows one client.
const EACH: usize = 250;
/// Connections that are opened at a time.
const AT_A_TIME: usize = 32;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connections that are open until this is dropped.
pub(crate) struct Idle {
    to: SocketAddr,
    /// None for plain ones.
    tls: Option<Arc<ClientConfig>>,
    held: Vec<Box<dyn Stream>>,
}

impl Idle {
    pub(crate) fn plain(running: &Running) -> Self {
        Self {
            to: running.http,
            tls: None,
            held: Vec::new(),
        }
    }

    pub(crate) fn tls(field: &Field, running: &Running) -> Outcome<Self> {
        let config = field
            .certificate
            .client(b"http/1.1", Resumption::disabled())?;
        Ok(Self {
            to: running.https,
            tls: Some(config),
            held: Vec::new(),
        })
    }

    /// Opens more, until there are so many.
    pub(crate) async fn grow(&mut self, wanted: usize) -> Outcome<()> {
        let mut opening = JoinSet::new();
        let mut next = self.held.len();
        while self.held.len() < wanted {
            while next < wanted && opening.len() < AT_A_TIME {
                opening.spawn(open(self.to, address(next)?, self.tls.clone()));
                next += 1;
            }
            let opened = opening.join_next().await.ok_or("nothing is opening")?;
            self.held.push(opened??);
        }
        Ok(())
    }

    /// Asks once on each, so that it is known that all are still there.
    pub(crate) async fn ask(&mut self) -> Outcome<()> {
        for stream in &mut self.held {
            ask(stream).await?;
        }
        Ok(())
    }
}

async fn open(
    to: SocketAddr,
    from: Ipv4Addr,
    tls: Option<Arc<ClientConfig>>,
) -> Outcome<Box<dyn Stream>> {
    let mut stream: Box<dyn Stream> = match tls {
        None => Box::new(client::connect(to, from).await?),
        Some(config) => Box::new(client::connect_tls(to, from, &config).await?),
    };
    ask(&mut stream).await?;
    Ok(stream)
}

async fn ask(stream: &mut Box<dyn Stream>) -> Outcome<()> {
    let request = client::request("localhost", origin::SMALL, "");
    let reply = client::exchange(stream, &request).await?;
    match reply.status {
        200 => Ok(()),
        status => Err(format!("status {status}").into()),
    }
}

/// The address of a connection by its number, from 127.0.1.1 on.
fn address(number: usize) -> Outcome<Ipv4Addr> {
    let client = u8::try_from(number / EACH)?;
    Ok(Ipv4Addr::new(
        127,
        0,
        1,
        client.checked_add(1).ok_or("too many connections")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_no_more() {
        for (number, last) in [(0, 1), (249, 1), (250, 2), (9_999, 40)] {
            assert_eq!(address(number).unwrap(), Ipv4Addr::new(127, 0, 1, last));
        }
        assert!(address(100_000).is_err());
    }
}
