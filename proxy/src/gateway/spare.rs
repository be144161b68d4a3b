//! Connections to servers that wait for their next request.
//!
//! Pingora cannot keep them: it asks the system who is at the other end of a pooled connection, and a
//! stream that is not its own has no descriptor to ask by. Here they are kept by the whole of what they
//! were made for, so that one that was made for somebody else is never found.
//!
//! Each worker has its own: a line is registered with the reactor of the worker that opened it, and is used by that one alone.
//!
//! A spare costs nothing while it waits, no task either: who takes it looks whether it still stands, and a
//! sweep closes what is over.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    task::unconstrained,
    time::{Instant, sleep},
};

use super::line::{Line, Manner};
use crate::{
    balance::{Idle, Pick, Target, Vitals},
    forward::ProxyHeader,
    listen::{Connection, Departure},
};

/// Whom a connection was made for: two that are for the same can stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Whom {
    /// [`crate::tls::ServerTls::number`]; nothing where there is no TLS.
    pub(super) tls: Option<u64>,
    pub(super) target: Target,
    /// What it began with, and the [`Connection::number`] of the client's own connection; nothing where the
    /// server is told of no client.
    ///
    /// [`Connection::number`]: crate::listen::Connection::number
    pub(super) client: Option<(ProxyHeader, u64)>,
}

/// How long a connection may wait.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) keepalive: Duration,
    /// From when it was opened.
    pub(super) lifetime: Duration,
    /// Whom alone it can serve, and without whom it is of no use. Nobody if it can serve anybody.
    pub(super) client: Option<Departure>,
}

impl Stay {
    /// As long as the upstream keeps connections; one for a client alone is kept no longer than that client's own.
    pub(super) fn of(pick: &Pick, header: Option<ProxyHeader>, client: &Connection) -> Self {
        Self {
            keepalive: pick.upstream().timeouts().keepalive,
            lifetime: pick.upstream().timeouts().lifetime,
            client: header.map(|_| client.departure()),
        }
    }
}

/// How often spares are looked through. One that is over is never used, but its socket stays open until then.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Where there is no more room, one in so many is put out.
const A_SHARE: usize = 64;

/// Connections kept over all upstreams by one worker, the last one put down taken first.
#[derive(Debug)]
pub(super) struct Spares {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// A shelf that is empty stays until the next sweep: it will be needed in a moment.
    shelves: HashMap<Whom, Vec<Spare>, RandomState>,
    count: usize,
    /// A sweep is under way; it ends when there is nothing left to look through.
    is_swept: bool,
}

#[derive(Debug)]
struct Spare {
    line: Line,
    since: Instant,
    until: Instant,
    client: Option<Departure>,
    /// It counts as waiting for as long as it is here.
    idle: Idle,
}

impl Spares {
    /// Keeps `most` connections at most; when another comes, those are closed that have waited longest.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            kept: Mutex::default(),
        }
    }

    /// Keeps a connection on which nothing is under way, until it is taken, the server closes it, or
    /// its stay is over, which begins at `since`.
    pub(super) fn keep(
        self: &Arc<Self>,
        whom: Whom,
        line: Line,
        allowed: Stay,
        vitals: Arc<Vitals>,
        since: Instant,
    ) {
        let Ok(runtime) = Handle::try_current() else {
            return; // the process ends
        };
        let until = (since + allowed.keepalive).min(line.opened() + allowed.lifetime);
        if until <= since {
            return line.part();
        }
        let spare = Spare {
            line,
            since,
            until,
            client: allowed.client,
            idle: vitals.idle(),
        };
        let mut kept = self.kept.lock();
        let over = if kept.count < self.most {
            Vec::new()
        } else {
            kept.put_out(self.most / A_SHARE)
        };
        kept.count += 1;
        kept.shelves.entry(whom).or_default().push(spare);
        if !kept.is_swept {
            kept.is_swept = true;
            // Unconstrained: tokio would show it no more than a part of what has come in.
            runtime.spawn(unconstrained(sweep(Arc::downgrade(self))));
        }
        drop(kept);
        part(over);
    }

    /// A connection that was made for `whom`, and that the server has neither closed nor spoken on.
    pub(super) fn take(&self, whom: &Whom, now: Instant) -> Option<Line> {
        loop {
            let mut spare = self.kept.lock().pop(whom)?;
            if spare.has_outstayed(now) {
                spare.line.part();
            } else if !spare.has_stirred(whom) {
                return Some(spare.line);
            }
        }
    }
}

impl Spare {
    fn has_outstayed(&self, now: Instant) -> bool {
        self.until <= now || self.client.as_ref().is_some_and(Departure::has_come)
    }

    fn has_stirred(&mut self, whom: &Whom) -> bool {
        let manner = self.line.look();
        if manner == Manner::Talking {
            whom.said_too_much(self.idle.vitals());
        }
        manner != Manner::Quiet
    }
}

impl Whom {
    /// The server that was picked. With a header, the connection is for the client's own alone.
    pub(super) fn of(pick: &Pick, header: Option<ProxyHeader>, client: &Connection) -> Self {
        Self {
            tls: pick.server().tls.as_ref().map(|tls| tls.number()),
            target: pick.target().clone(),
            client: header.map(|header| (header, client.number)),
        }
    }

    /// Counts that a server said more than it was asked for, and tells the log.
    pub(super) fn said_too_much(&self, vitals: &Vitals) {
        if vitals.said_too_much(std::time::Instant::now()) {
            let server = &self.target;
            tracing::warn!(
                %server,
                "a connection is given up: the server said more than it was asked for"
            );
        }
    }
}

impl Kept {
    fn pop(&mut self, whom: &Whom) -> Option<Spare> {
        let spare = self.shelves.get_mut(whom)?.pop()?;
        self.count -= 1;
        Some(spare)
    }

    /// Takes out the oldest, and as many after it as `more`, so that they need not be looked for each time.
    fn put_out(&mut self, more: usize) -> Vec<Spare> {
        let spares = self.shelves.values().flatten();
        let mut ages: Vec<Instant> = spares.map(|spare| spare.since).collect();
        ages.sort_unstable();
        let Some(last) = ages.get(more).copied() else {
            return Vec::new();
        };
        self.take_those(|_, spare| spare.since <= last)
    }

    /// Takes out what is over at `now`. Whoever waits for the lock meanwhile waits for no system call,
    /// but where something has stirred.
    fn take_out(&mut self, now: Instant) -> Vec<Spare> {
        let over = self.take_those(|whom, spare| {
            spare.has_outstayed(now) || (spare.line.may_have_stirred() && spare.has_stirred(whom))
        });
        self.shelves.retain(|_, shelf| !shelf.is_empty());
        self.is_swept = self.count > 0;
        over
    }

    fn take_those(&mut self, is_it: impl Fn(&Whom, &mut Spare) -> bool) -> Vec<Spare> {
        let mut taken = Vec::new();
        for (whom, shelf) in &mut self.shelves {
            taken.extend(shelf.extract_if(.., |spare| is_it(whom, spare)));
        }
        self.count -= taken.len();
        taken
    }
}

fn part(spares: Vec<Spare>) {
    for spare in spares {
        spare.line.part();
    }
}

async fn sweep(spares: Weak<Spares>) {
    loop {
        sleep(SWEEP_EVERY).await;
        let Some(spares) = spares.upgrade() else {
            return; // the process ends
        };
        let mut kept = spares.kept.lock();
        let over = kept.take_out(Instant::now());
        let goes_on = kept.is_swept;
        drop(kept);
        part(over);
        if !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, ServerName},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
    };
    use tokio_rustls::{TlsAcceptor, TlsConnector, server};

    use super::{super::socket::Socket, *};
    use crate::config::model::ProxyVersion;

    const LONG: Duration = Duration::from_secs(60);

    fn whom(tls: Option<u64>, port: u16) -> Whom {
        let address = SocketAddr::from(([10, 0, 0, 1], port));
        let target = Target::Socket(address);
        Whom {
            tls,
            target,
            client: None,
        }
    }

    /// Our end of a connection with TLS, and the server's.
    async fn secure() -> (Line, server::TlsStream<UnixStream>) {
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
        (Line::secure(Box::new(ours.unwrap())), theirs.unwrap())
    }

    fn plain() -> (Line, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Line::plain(Socket::Unix(near)), far)
    }

    fn keep(spares: &Arc<Spares>, whom: Whom, line: Line, keepalive: Duration) -> Arc<Vitals> {
        let vitals = Arc::new(Vitals::new(std::time::Instant::now()));
        let allowed = Stay {
            keepalive,
            lifetime: 10 * LONG,
            client: None,
        };
        spares.keep(whom, line, allowed, Arc::clone(&vitals), Instant::now());
        vitals
    }

    fn count(spares: &Spares) -> usize {
        let kept = spares.kept.lock();
        let on_shelves: usize = kept.shelves.values().map(Vec::len).sum();
        assert_eq!(kept.count, on_shelves);
        kept.count
    }

    #[tokio::test]
    async fn a_spare_is_found_by_who_it_was_made_for_alone() {
        let spares = Arc::new(Spares::new(8));
        let (ours, _theirs) = secure().await;
        keep(&spares, whom(Some(1), 443), ours, LONG);
        let for_a_client = |number| Whom {
            client: Some((
                ProxyHeader {
                    version: ProxyVersion::V1,
                    ends: None,
                },
                number,
            )),
            ..whom(Some(1), 443)
        };
        let others = [whom(Some(2), 443), whom(Some(1), 444), whom(None, 443)];
        for stranger in others.into_iter().chain([for_a_client(1)]) {
            assert!(spares.take(&stranger, Instant::now()).is_none());
        }
        assert!(spares.take(&whom(Some(1), 443), Instant::now()).is_some());
        assert!(spares.take(&whom(Some(1), 443), Instant::now()).is_none());
        let (ours, _theirs) = plain();
        keep(&spares, for_a_client(1), ours, LONG);
        for stranger in [whom(Some(1), 443), for_a_client(2)] {
            assert!(spares.take(&stranger, Instant::now()).is_none());
        }
        assert!(spares.take(&for_a_client(1), Instant::now()).is_some());
        assert_eq!(count(&spares), 0);
    }

    #[tokio::test]
    async fn the_last_spare_put_down_is_the_first_taken() {
        let spares = Arc::new(Spares::new(8));
        let whom = whom(None, 80);
        let mut far = Vec::new();
        let mut near = Vec::new();
        for _ in 0..3 {
            let (ours, theirs) = plain();
            near.push(ours.descriptor());
            far.push(theirs);
            keep(&spares, whom.clone(), ours, LONG);
        }
        while let Some(descriptor) = near.pop() {
            let line = spares.take(&whom, Instant::now()).unwrap();
            assert_eq!(line.descriptor(), descriptor);
        }
    }

    #[tokio::test]
    async fn a_spare_that_the_server_closed_or_spoke_on_is_not_taken() {
        let spares = Arc::new(Spares::new(8));
        let (plain, far) = plain();
        keep(&spares, whom(None, 80), plain, LONG);
        drop(far);
        // At once: the runtime has had no time to hear of it.
        assert!(spares.take(&whom(None, 80), Instant::now()).is_none());
        let (ours, mut theirs) = secure().await;
        theirs.write_all(b"HTTP/1.1 408\r\n").await.unwrap();
        theirs.flush().await.unwrap();
        // What comes by TLS is seen as soon as the runtime has heard of it.
        let mut next = Some(ours);
        while let Some(line) = next {
            let vitals = keep(&spares, whom(Some(1), 443), line, LONG);
            tokio::task::yield_now().await;
            next = spares.take(&whom(Some(1), 443), Instant::now());
            assert_eq!(vitals.surplus.get(), u64::from(next.is_none()));
        }
        assert_eq!(count(&spares), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spare_is_closed_after_its_time_or_when_the_server_stirs() {
        let spares = Arc::new(Spares::new(8));
        let whom = whom(None, 80);
        let (early, mut far_early) = plain();
        let (late, mut far_late) = plain();
        let (closed, far_closed) = plain();
        keep(&spares, whom.clone(), early, LONG);
        let talking = keep(&spares, whom.clone(), late, 3 * LONG);
        keep(&spares, whom.clone(), closed, 3 * LONG);
        drop(far_closed);
        far_early.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(count(&spares), 1);
        far_late.write_all(b"x").await.unwrap();
        let end = far_late.read_to_end(&mut Vec::new()).await;
        assert!(end.is_err(), "closed with what it said unread");
        assert_eq!(talking.surplus.get(), 1);
        assert_eq!(count(&spares), 0);
        // Nobody sweeps where nothing is, and somebody does when there is something again.
        sleep(SWEEP_EVERY).await;
        assert!(!spares.kept.lock().is_swept);
        let (again, mut far_again) = plain();
        keep(&spares, whom, again, LONG);
        far_again.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(count(&spares), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spare_with_tls_is_closed_with_a_goodbye() {
        let spares = Arc::new(Spares::new(8));
        let (ours, mut theirs) = secure().await;
        keep(&spares, whom(Some(1), 443), ours, LONG);
        theirs.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(count(&spares), 0);
    }

    #[tokio::test]
    async fn a_spare_past_its_time_is_not_taken() {
        let spares = Arc::new(Spares::new(8));
        let (ours, _theirs) = plain();
        keep(&spares, whom(None, 80), ours, Duration::ZERO);
        assert_eq!(count(&spares), 0);
        let (ours, _theirs) = plain();
        keep(&spares, whom(None, 80), ours, LONG);
        let late = Instant::now() + LONG;
        assert!(spares.take(&whom(None, 80), late).is_none());
        assert_eq!(count(&spares), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_used_all_the_time_ends_with_its_life() {
        let spares = Arc::new(Spares::new(8));
        let (mut line, mut far) = plain();
        let whom = whom(None, 80);
        let opened = Instant::now();
        let mut uses = 0;
        loop {
            keep(&spares, whom.clone(), line, LONG);
            sleep(LONG / 2).await;
            match spares.take(&whom, Instant::now()) {
                Some(taken) => line = taken,
                None => break,
            }
            uses += 1;
        }
        assert_eq!((opened.elapsed(), uses), (10 * LONG, 19));
        assert_eq!(far.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn beyond_the_limit_the_oldest_spare_is_closed() {
        let spares = Arc::new(Spares::new(2));
        let mut far = Vec::new();
        for port in [80, 81, 82] {
            let (ours, theirs) = plain();
            far.push(theirs);
            keep(&spares, whom(None, port), ours, LONG);
        }
        assert_eq!(far[0].read_to_end(&mut Vec::new()).await.unwrap(), 0);
        assert_eq!(count(&spares), 2);
        assert!(spares.take(&whom(None, 80), Instant::now()).is_none());
        for port in [81, 82] {
            assert!(spares.take(&whom(None, port), Instant::now()).is_some());
        }
    }
}
