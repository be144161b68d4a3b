//! A server of ours to stand behind the proxy. It does what its script says and remembers what it heard.

use std::{
    fmt,
    future::Future,
    io,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use rustls::HandshakeKind;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::{Handshake, Message, Reply, Wire, free_port, until, wire::Carrier};

/// An HTTP/1 server on a port of its own. Dropping or stopping it closes every connection at once.
pub(crate) struct Origin {
    place: Place,
    tls: Option<TlsAcceptor>,
    /// Serves who does not shake hands all the same.
    plain_too: bool,
    script: Script,
    seen: Arc<Seen>,
    serving: Option<JoinHandle<()>>,
}

enum Place {
    Tcp(u16),
    Unix(PathBuf),
}

/// Takes a request's head and the wire it came by; gives the wire back if another may come.
type Script = Arc<dyn Fn(Message, Wire) -> Turn + Send + Sync>;
type Turn = Pin<Box<dyn Future<Output = Option<Wire>> + Send>>;

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    secured: AtomicUsize,
    resumed: AtomicUsize,
    open: AtomicUsize,
    requests: Mutex<Vec<Message>>,
}

impl Origin {
    /// Answers every request with 200 and this body.
    pub(crate) async fn saying(body: &'static str) -> Self {
        Self::answering(move |_| Reply::ok(body)).await
    }

    /// Reads each request whole and answers it as told.
    pub(crate) async fn answering(
        answer: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Place::Tcp(free_port()), None, reader(answer)).await
    }

    /// As [`Origin::answering`], with TLS.
    pub(crate) async fn secured(
        handshake: &Handshake,
        answer: impl Fn(&Message) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let tls = Some(handshake.acceptor());
        Self::start(Place::Tcp(free_port()), tls, reader(answer)).await
    }

    /// Says `hello` on one port, with TLS to who shakes hands and without to who does not.
    pub(crate) async fn secured_and_plain(handshake: &Handshake) -> Self {
        let mut origin = Self::secured(handshake, |_| Reply::ok("hello")).await;
        origin.stop().await;
        origin.plain_too = true;
        origin.start_again().await;
        origin
    }

    /// As [`Origin::saying_on`], with TLS.
    pub(crate) async fn secured_on(
        path: PathBuf,
        handshake: &Handshake,
        body: &'static str,
    ) -> Self {
        let tls = Some(handshake.acceptor());
        Self::start(Place::Unix(path), tls, reader(move |_| Reply::ok(body))).await
    }

    /// As [`Origin::saying`], on a unix socket.
    pub(crate) async fn saying_on(path: PathBuf, body: &'static str) -> Self {
        Self::start(Place::Unix(path), None, reader(move |_| Reply::ok(body))).await
    }

    /// Does with each request's head and the wire whatever it likes. Bodies are its own to read.
    pub(crate) async fn scripted<F, W>(script: F) -> Self
    where
        F: Fn(Message, Wire) -> W + Send + Sync + 'static,
        W: Future<Output = Option<Wire>> + Send + 'static,
    {
        Self::scripted_as(None, script).await
    }

    /// As [`Origin::scripted`], with TLS.
    pub(crate) async fn scripted_with_tls<F, W>(handshake: &Handshake, script: F) -> Self
    where
        F: Fn(Message, Wire) -> W + Send + Sync + 'static,
        W: Future<Output = Option<Wire>> + Send + 'static,
    {
        Self::scripted_as(Some(handshake.acceptor()), script).await
    }

    async fn scripted_as<F, W>(tls: Option<TlsAcceptor>, script: F) -> Self
    where
        F: Fn(Message, Wire) -> W + Send + Sync + 'static,
        W: Future<Output = Option<Wire>> + Send + 'static,
    {
        let script = move |head: Message, wire, seen: Arc<Seen>| {
            seen.requests.lock().push(head.clone());
            script(head, wire)
        };
        Self::start(Place::Tcp(free_port()), tls, script).await
    }

    /// Takes connections and requests, and never says a word.
    pub(crate) async fn silent() -> Self {
        Self::scripted(|_, wire| async move {
            let _kept = wire;
            std::future::pending().await
        })
        .await
    }

    async fn start<F, W>(place: Place, tls: Option<TlsAcceptor>, script: F) -> Self
    where
        F: Fn(Message, Wire, Arc<Seen>) -> W + Send + Sync + 'static,
        W: Future<Output = Option<Wire>> + Send + 'static,
    {
        let seen = Arc::new(Seen::default());
        let with_seen = Arc::clone(&seen);
        let mut origin = Self {
            place,
            tls,
            plain_too: false,
            script: Arc::new(move |head, wire| {
                Box::pin(script(head, wire, Arc::clone(&with_seen)))
            }),
            seen,
            serving: None,
        };
        origin.start_again().await;
        origin
    }

    /// Closes the listener and every connection, as a process does that is killed.
    pub(crate) async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await; // aborted, so an error
        }
    }

    /// Comes back at the same address.
    pub(crate) async fn start_again(&mut self) {
        let house = House {
            tls: self.tls.clone(),
            plain_too: self.plain_too,
            script: Arc::clone(&self.script),
            seen: Arc::clone(&self.seen),
        };
        self.serving = Some(match &self.place {
            Place::Tcp(port) => {
                let listener = TcpListener::bind(("127.0.0.1", *port)).await.unwrap();
                tokio::spawn(async move {
                    let mut connections = JoinSet::new();
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        stream.set_nodelay(true).unwrap();
                        connections.spawn(house.clone().greet(stream));
                    }
                })
            }
            Place::Unix(path) => {
                let _ = std::fs::remove_file(path); // there is none the first time
                let listener = UnixListener::bind(path).unwrap();
                tokio::spawn(async move {
                    let mut connections = JoinSet::new();
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        connections.spawn(house.clone().receive(stream));
                    }
                })
            }
        });
    }

    pub(crate) fn port(&self) -> u16 {
        match self.place {
            Place::Tcp(port) => port,
            Place::Unix(_) => panic!("a unix socket has no port"),
        }
    }

    /// Connections taken so far, hands shaken.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// How many of them came with TLS.
    pub(crate) fn secured_connections(&self) -> usize {
        self.seen.secured.load(Ordering::Relaxed)
    }

    /// How many of them resumed the session of an earlier one.
    pub(crate) fn resumed(&self) -> usize {
        self.seen.resumed.load(Ordering::Relaxed)
    }

    /// Connections open just now.
    pub(crate) fn open(&self) -> usize {
        self.seen.open.load(Ordering::Relaxed)
    }

    /// Every request so far, checks of health among them.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.seen.requests.lock().clone()
    }

    /// How many requests were for this target.
    pub(crate) fn count(&self, target: &str) -> usize {
        let requests = self.seen.requests.lock();
        requests
            .iter()
            .filter(|request| request.target() == target)
            .count()
    }

    /// The one request there was.
    pub(crate) fn only_request(&self) -> Message {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.into_iter().next().unwrap()
    }

    pub(crate) async fn await_count(&self, target: &str, count: usize) {
        until("the origin hears of it", async || {
            self.count(target) >= count
        })
        .await;
    }
}

/// A script that reads requests whole, remembers them, and answers.
fn reader(
    answer: impl Fn(&Message) -> Reply + Send + Sync + 'static,
) -> impl Fn(Message, Wire, Arc<Seen>) -> Turn + Send + Sync + 'static {
    let answer = Arc::new(answer);
    move |head, wire, seen| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            // A proxy that goes away in the middle is no fault of this origin.
            answer_one(head, wire, &seen, &*answer)
                .await
                .unwrap_or(None)
        })
    }
}

async fn answer_one(
    mut request: Message,
    mut wire: Wire,
    seen: &Seen,
    answer: &(impl Fn(&Message) -> Reply + Send + Sync),
) -> io::Result<Option<Wire>> {
    if request.field("expect") == Some("100-continue") {
        wire.try_send("HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    request.body = wire.read_request_body(&request).await?;
    let reply = answer(&request);
    let method = request.method().to_owned();
    seen.requests.lock().push(request);
    reply.write(wire, &method).await
}

/// What every connection needs.
#[derive(Clone)]
struct House {
    tls: Option<TlsAcceptor>,
    plain_too: bool,
    script: Script,
    seen: Arc<Seen>,
}

/// With which every handshake begins (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

impl House {
    async fn greet(mut self, stream: TcpStream) {
        let mut first = [0];
        if self.plain_too && stream.peek(&mut first).await.is_ok() && first != [HANDSHAKE] {
            self.tls = None;
        }
        self.receive(stream).await;
    }

    async fn receive(self, stream: impl Carrier + 'static) {
        let Self {
            tls, script, seen, ..
        } = self;
        let Some(tls) = tls else {
            return converse(Wire::new(stream), script, seen).await;
        };
        // A proxy that does not trust this origin leaves in the middle.
        if let Ok(stream) = tls.accept(stream).await {
            seen.secured.fetch_add(1, Ordering::Relaxed);
            if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                seen.resumed.fetch_add(1, Ordering::Relaxed);
            }
            converse(Wire::new(stream), script, seen).await;
        }
    }
}

async fn converse(wire: Wire, script: Script, seen: Arc<Seen>) {
    seen.connections.fetch_add(1, Ordering::Relaxed);
    let _open = Open::new(Arc::clone(&seen));
    let mut wire = wire;
    // Connections idle as long as the test lives; only a message that has begun has a deadline.
    while wire.awaits_more().await
        && let Ok(Some(head)) = wire.read_head().await
    {
        match script(head, wire).await {
            Some(next) => wire = next,
            None => return,
        }
    }
}

/// Counts a connection as open until it is dropped.
struct Open(Arc<Seen>);

impl Open {
    fn new(seen: Arc<Seen>) -> Self {
        seen.open.fetch_add(1, Ordering::Relaxed);
        Self(seen)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// As a configuration names it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(port) => write!(f, "127.0.0.1:{port}"),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
