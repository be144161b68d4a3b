//! The streams of one connection of HTTP/2, all on its task.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use pingora::{
    apps::HttpServerApp,
    protocols::{
        Digest, Stream as Io,
        http::{
            ServerSession,
            v2::server::{H2Accept, HttpSession},
        },
    },
    proxy::HttpProxy,
};
use tokio::{sync::watch, task::coop, time::Instant};

use super::{
    Gateway,
    express::{
        berths::{Berths, Guests},
        calls::Calls,
        http2::{Served, serve},
    },
    means::Means,
};
use crate::listen::{Alarm, Connection};

/// By which number the connection itself is woken.
const ITSELF: usize = 0;
/// Streams that are let in before what they carry has its turn.
const AT_ONCE: usize = 32;
/// Turns of all who call before other connections have theirs.
const ROUNDS: usize = 8;
/// For so long memory is kept for as many exchanges as there were.
const REST: Duration = Duration::from_secs(1);
/// As many streams as Pingora would let a connection have that it must refuse without asking anybody.
const MALFORMED: usize = 32;

pub(super) type Wire = h2::server::Connection<Io, Bytes>;

/// What the exchanges of a connection share.
pub(super) struct Carrier {
    pub(super) means: Arc<Means>,
    pub(super) proxy: Arc<HttpProxy<Gateway>>,
    pub(super) connection: Arc<Connection>,
    pub(super) retired: watch::Receiver<bool>,
}

/// Serves every stream of the connection, until it ends.
pub(super) async fn carry(wire: Wire, digest: Arc<Digest>, carrier: Arc<Carrier>) {
    let mut retired = carrier.retired.clone();
    let mut streams = Streams::new(wire, digest, move |guests| {
        serve_all(Arc::clone(&carrier), guests)
    });
    tokio::select! {
        biased;
        _ = retired.wait_for(|retired| *retired) => {}
        () = poll_fn(|cx| streams.poll(cx)) => return,
    }
    streams.say_goodbye();
    poll_fn(|cx| streams.poll(cx)).await;
}

async fn serve_all(carrier: Arc<Carrier>, mut guests: Guests<Box<HttpSession>>) {
    let mut alarm = Alarm::default();
    loop {
        let session = guests.next().await;
        alarm = carrier.exchange(session, alarm).await;
    }
}

impl Carrier {
    /// One request, by one lane or the other.
    async fn exchange(self: &Arc<Self>, session: Box<HttpSession>, alarm: Alarm) -> Alarm {
        match serve(&self.means, &self.connection, session, alarm).await {
            Served::Done(alarm) => alarm,
            Served::NotOurs(session, alarm) => {
                let carrier = Arc::clone(self);
                tokio::spawn(async move {
                    let session = ServerSession::new_http2(*session);
                    let retired = &carrier.retired;
                    carrier.proxy.process_new_http(session, retired).await;
                });
                alarm
            }
        }
    }
}

/// The connection, and the exchanges that came by it.
struct Streams<B, F>
where
    B: Fn(Guests<Box<HttpSession>>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    /// `None` only while it is being dropped.
    wire: Option<Wire>,
    digest: Arc<Digest>,
    berths: Berths<Box<HttpSession>, B, F>,
    /// Rings when the connection has rested.
    rested: Alarm,
    rests_since: Option<Instant>,
    malformed: usize,
    /// The last turn ended before the connection had its part.
    is_overdue: bool,
    calls: Arc<Calls>,
    /// Those who have called.
    callers: Vec<usize>,
    waker: Waker,
}

impl<B, F> Streams<B, F>
where
    B: Fn(Guests<Box<HttpSession>>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn new(wire: Wire, digest: Arc<Digest>, begin: B) -> Self {
        let calls = Arc::new(Calls::default());
        let waker = calls.waker(ITSELF);
        waker.wake_by_ref();
        Self {
            wire: Some(wire),
            digest,
            berths: Berths::new(Arc::clone(&calls), begin),
            rested: Alarm::default(),
            rests_since: None,
            malformed: 0,
            is_overdue: false,
            calls,
            callers: Vec::new(),
            waker,
        }
    }

    /// Tells the client that the connection takes no new request. Those that are on their way are served.
    fn say_goodbye(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.graceful_shutdown();
            self.waker.wake_by_ref();
        }
    }

    /// Ready once the connection is over. Exchanges go first: what they have to say leaves together.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.is_overdue) && self.poll_wire().is_ready() {
            return Poll::Ready(());
        }
        for _ in 0..ROUNDS {
            self.calls.take(&mut self.callers, cx);
            if self.callers.is_empty() {
                self.rest(cx);
                return Poll::Pending;
            }
            for number in &self.callers {
                self.berths.proceed(*number);
            }
            if self.callers.contains(&ITSELF) && self.poll_wire().is_ready() {
                return Poll::Ready(());
            }
            if !coop::has_budget_remaining() {
                self.is_overdue = true;
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// A connection that carries nothing for a while keeps little.
    fn rest(&mut self, cx: &mut Context<'_>) {
        if !self.berths.may_shrink() {
            self.rests_since = None;
            return;
        }
        let since = *self.rests_since.get_or_insert_with(Instant::now);
        if self.rested.poll_due(since + REST, cx).is_ready() {
            self.berths.shrink();
        }
    }

    /// Sends and reads what there is, and lets new streams in. Ready at the end.
    fn poll_wire(&mut self) -> Poll<()> {
        let cx = &mut Context::from_waker(&self.waker);
        for _ in 0..AT_ONCE {
            let Some(wire) = &mut self.wire else {
                return Poll::Ready(());
            };
            let digest = Arc::clone(&self.digest);
            let accepting = pin!(HttpSession::from_h2_conn(wire, digest));
            match ready!(accepting.poll(cx)) {
                Ok(Some(H2Accept::Session(session))) => {
                    self.berths.add(Box::new(session));
                    self.rests_since = None;
                }
                Ok(Some(H2Accept::Rejected)) => {
                    self.malformed += 1;
                    if self.malformed >= MALFORMED {
                        return Poll::Ready(());
                    }
                }
                Ok(None) | Err(_) => return Poll::Ready(()),
            }
        }
        self.waker.wake_by_ref();
        Poll::Pending
    }
}

/// Exchanges outlive their connection for as long as it takes them to see that it is over, and to be recorded.
impl<B, F> Drop for Streams<B, F>
where
    B: Fn(Guests<Box<HttpSession>>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn drop(&mut self) {
        drop(self.wire.take());
        let calls = Arc::clone(&self.calls);
        let berths = self.berths.take();
        if !berths.is_empty()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(see_off(berths, calls));
        }
    }
}

async fn see_off<B, F>(mut berths: Berths<Box<HttpSession>, B, F>, calls: Arc<Calls>)
where
    B: Fn(Guests<Box<HttpSession>>) -> F,
    F: Future<Output = ()>,
{
    let mut callers = Vec::new();
    poll_fn(|cx| {
        loop {
            if berths.is_empty() {
                return Poll::Ready(());
            }
            calls.take(&mut callers, cx);
            if callers.is_empty() {
                return Poll::Pending;
            }
            for number in &callers {
                berths.proceed(*number);
            }
            if !coop::has_budget_remaining() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    })
    .await;
}
