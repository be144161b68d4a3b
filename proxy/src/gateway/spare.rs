//! Connections with TLS that wait for their next request.
//!
//! Pingora cannot keep them: it asks the system who is at the other end of a pooled connection, and a
//! stream that is not its own has no descriptor to ask by. Here they are kept by the whole of what they
//! were made for, so that one that was verified for somebody else is never found.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    runtime::Handle,
    task::AbortHandle,
    time,
};
use tokio_rustls::client::TlsStream;

use super::socket::Socket;
use crate::balance::Target;

/// A connection that hands have been shaken on.
pub(super) type Secured = Box<TlsStream<Socket>>;

/// Whom a connection was made for: [`crate::tls::ServerTls::number`], and where it leads.
pub(super) type Whom = (u64, Target);

/// How long a goodbye may take that nobody waits for.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// Connections kept over all upstreams, the last one put down first.
#[derive(Debug)]
pub(super) struct Spares {
    most: usize,
    kept: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    by_whom: HashMap<Whom, Vec<Spare>>,
    count: usize,
}

#[derive(Debug)]
struct Spare {
    held: Held,
    watching: AbortHandle,
}

/// Empty once somebody has taken the connection.
type Held = Arc<Mutex<Option<Secured>>>;

impl Spares {
    /// Keeps `most` connections at most; what comes then is closed.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            kept: Mutex::default(),
        }
    }

    /// Keeps a connection on which nothing is under way, until it is taken, the server closes it, or
    /// `keepalive` is over.
    pub(super) fn keep(self: &Arc<Self>, whom: Whom, connection: Secured, keepalive: Duration) {
        let Ok(runtime) = Handle::try_current() else {
            return; // the process ends
        };
        let held: Held = Arc::new(Mutex::new(Some(connection)));
        // Locked first: the watcher may be done before its spare is on the shelf.
        let mut kept = self.kept.lock();
        if kept.count >= self.most {
            return;
        }
        let watch = watch(Arc::clone(self), whom.clone(), Arc::clone(&held), keepalive);
        let watching = runtime.spawn(watch).abort_handle();
        kept.count += 1;
        let spares = kept.by_whom.entry(whom).or_default();
        spares.push(Spare { held, watching });
    }

    /// A connection that was made for `whom`, and that the server has not closed.
    pub(super) async fn take(&self, whom: &Whom) -> Option<Secured> {
        loop {
            let spare = self.kept.lock().pop(whom)?;
            spare.watching.abort();
            let connection = spare.held.lock().take();
            if let Some(mut connection) = connection
                && is_quiet(&mut connection).await
            {
                return Some(connection);
            }
        }
    }

    fn forget(&self, whom: &Whom, held: &Held) {
        self.kept.lock().remove(whom, held);
    }
}

impl Shelves {
    fn pop(&mut self, whom: &Whom) -> Option<Spare> {
        let spares = self.by_whom.get_mut(whom)?;
        let spare = spares.pop();
        if spares.is_empty() {
            self.by_whom.remove(whom);
        }
        self.count -= usize::from(spare.is_some());
        spare
    }

    fn remove(&mut self, whom: &Whom, held: &Held) {
        let Some(spares) = self.by_whom.get_mut(whom) else {
            return;
        };
        let before = spares.len();
        spares.retain(|spare| !Arc::ptr_eq(&spare.held, held));
        self.count -= before - spares.len();
        if spares.is_empty() {
            self.by_whom.remove(whom);
        }
    }
}

/// Waits until the server speaks, which a server that was not asked does only to say goodbye, or until
/// time is up. Then the connection is closed.
async fn watch(all: Arc<Spares>, whom: Whom, held: Held, keepalive: Duration) {
    let stirs = poll_fn(|cx| match &mut *held.lock() {
        Some(connection) => poll_stir(connection, cx),
        None => Poll::Ready(()),
    });
    // Either way it is over.
    let _ = time::timeout(keepalive, stirs).await;
    all.forget(&whom, &held);
    let connection = held.lock().take();
    if let Some(mut connection) = connection {
        // A server that is gone needs no goodbye.
        let _ = time::timeout(GOODBYE, connection.shutdown()).await;
    }
}

/// Whether the server has neither closed nor said anything. Session tickets are read on the way.
async fn is_quiet(connection: &mut Secured) -> bool {
    let look = poll_fn(|_| {
        let mut nobody = Context::from_waker(Waker::noop());
        Poll::Ready(poll_stir(connection, &mut nobody).is_pending())
    });
    // Tokio would hold back from a task that has done much what has come in.
    tokio::task::unconstrained(look).await
}

fn poll_stir(connection: &mut Secured, cx: &mut Context<'_>) -> Poll<()> {
    let mut byte = [0];
    Pin::new(connection)
        .poll_read(cx, &mut ReadBuf::new(&mut byte))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, ServerName},
    };
    use tokio::{io::AsyncReadExt, net::UnixStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector, server};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn whom(number: u64, port: u16) -> Whom {
        let address = SocketAddr::from(([10, 0, 0, 1], port));
        (number, Target::Socket(address))
    }

    /// Our end of a connection, and the server's.
    async fn connection() -> (Secured, server::TlsStream<UnixStream>) {
        let pair = rcgen::KeyPair::generate().unwrap();
        let names = vec!["api.lan".to_owned()];
        let params = rcgen::CertificateParams::new(names).unwrap();
        let certificate = params.self_signed(&pair).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let name = ServerName::try_from("api.lan").unwrap();
        let connecting = TlsConnector::from(Arc::new(client)).connect(name, Socket::Unix(near));
        let accepting = TlsAcceptor::from(Arc::new(server)).accept(far);
        let (ours, theirs) = tokio::join!(connecting, accepting);
        (Box::new(ours.unwrap()), theirs.unwrap())
    }

    fn count(spares: &Spares) -> (usize, usize) {
        let kept = spares.kept.lock();
        (kept.count, kept.by_whom.len())
    }

    #[tokio::test]
    async fn a_spare_is_found_by_who_it_was_made_for_alone() {
        let spares = Arc::new(Spares::new(8));
        let (ours, _theirs) = connection().await;
        spares.keep(whom(1, 443), ours, LONG);
        assert!(spares.take(&whom(2, 443)).await.is_none());
        assert!(spares.take(&whom(1, 444)).await.is_none());
        assert!(spares.take(&whom(1, 443)).await.is_some());
        assert!(spares.take(&whom(1, 443)).await.is_none());
        assert_eq!(count(&spares), (0, 0));
    }

    #[tokio::test]
    async fn a_spare_that_the_server_closes_or_speaks_on_is_gone() {
        let spares = Arc::new(Spares::new(8));
        let (ours, theirs) = connection().await;
        spares.keep(whom(1, 443), ours, LONG);
        drop(theirs);
        while count(&spares) != (0, 0) {
            tokio::task::yield_now().await;
        }
        assert!(spares.take(&whom(1, 443)).await.is_none());
        let (ours, mut theirs) = connection().await;
        spares.keep(whom(1, 443), ours, LONG);
        theirs.write_all(b"HTTP/1.1 408\r\n").await.unwrap();
        theirs.flush().await.unwrap();
        // The watcher closes it and says so; nobody has to come for it.
        theirs.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(count(&spares), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_spare_is_closed_after_its_time() {
        let spares = Arc::new(Spares::new(8));
        let (ours, mut theirs) = connection().await;
        spares.keep(whom(1, 443), ours, LONG);
        assert_eq!(count(&spares), (1, 1));
        theirs.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(count(&spares), (0, 0));
    }

    #[tokio::test]
    async fn spares_beyond_the_limit_are_closed() {
        let spares = Arc::new(Spares::new(1));
        let (first, _kept) = connection().await;
        let (second, mut theirs) = connection().await;
        spares.keep(whom(1, 443), first, LONG);
        spares.keep(whom(1, 443), second, LONG);
        let end = theirs.read_to_end(&mut Vec::new()).await;
        assert!(end.is_err(), "closed without a goodbye");
        assert_eq!(count(&spares), (1, 1));
    }
}
