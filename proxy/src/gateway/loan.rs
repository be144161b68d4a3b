//! How Pingora gets a connection with HTTP/1.1 for one try.
//!
//! It borrows one: when the exchange is over, it goes back to the spares and not into Pingora's pool.

use std::{
    io,
    os::fd::RawFd,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    connectors::L4Connect,
    protocols::l4::{
        socket::SocketAddr,
        stream::Stream,
        virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{
    hold::{Hold, Passage},
    line::Line,
    outbox::Outbox,
    peer::Needs,
    reader::Reader,
    spare::{Spares, Stay, Whom},
    watchdog::Leash,
};
use crate::{
    admit::{Asked, Reply, ReplyLimits},
    balance::{Pick, Vitals},
    forward::ProxyHeader,
    listen::Connection,
    tls::ServerTls,
};

/// Lends a connection for one try: a spare, or a new one.
#[derive(Debug)]
pub(super) struct Lender {
    whom: Whom,
    client: Arc<Connection>,
    tls: Option<Arc<ServerTls>>,
    stay: Stay,
    asked: Asked,
    limits: ReplyLimits,
    vitals: Arc<Vitals>,
    spares: Arc<Spares>,
    /// No spare will do.
    anew: bool,
    /// A spare may come of it.
    is_kept: bool,
    /// Set where the response may be compressed.
    passage: Option<Arc<Passage>>,
    /// The shortest deadline of the server's.
    deadline: Duration,
    has_lent_spare: AtomicBool,
    /// Of the connection that was found or made; -1 before.
    descriptor: AtomicI32,
    watched: Arc<OnceLock<Leash>>,
    is_stuck: Arc<AtomicBool>,
}

impl Lender {
    pub(super) fn new(
        pick: &Pick,
        header: Option<ProxyHeader>,
        spares: &Arc<Spares>,
        needs: &Needs<'_>,
    ) -> Self {
        let client = &needs.admitted.connection;
        let timeouts = pick.upstream().timeouts();
        Self {
            whom: Whom::of(pick, header, client),
            client: Arc::clone(client),
            tls: pick.server().tls.clone(),
            stay: Stay::of(pick, header, client),
            asked: Asked {
                head_alone: needs.head_alone,
                upgrade: false,
            },
            limits: pick.upstream().limits(),
            vitals: Arc::clone(&pick.server().vitals),
            spares: Arc::clone(spares),
            anew: needs.anew,
            is_kept: !needs.anew && needs.admitted.may_keep(header.as_ref()),
            passage: needs.passage.cloned(),
            deadline: timeouts.first_byte.min(timeouts.idle),
            has_lent_spare: AtomicBool::new(false),
            descriptor: AtomicI32::new(-1),
            watched: Arc::default(),
            is_stuck: Arc::default(),
        }
    }

    /// The socket of the connection, which Pingora cannot show. Negative as long as there is none.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor.load(Relaxed)
    }

    /// Whether the connection had waited for this request.
    pub(super) fn has_lent_spare(&self) -> bool {
        self.has_lent_spare.load(Relaxed)
    }

    /// Whether the server has not taken what was last written to it.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Relaxed)
    }

    /// The connection is watched: the watch is put off while its response is held, and over before it is kept.
    pub(super) fn watched(&self, leash: Leash) {
        let _ = self.watched.set(leash); // there is one watchdog for one try
    }

    fn header(&self) -> Option<ProxyHeader> {
        self.whom.client.map(|(header, _)| header)
    }

    fn spare(&self) -> Option<Line> {
        if self.anew {
            return None;
        }
        self.spares.take(&self.whom, Instant::now())
    }
}

#[async_trait]
impl L4Connect for Lender {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        let spare = self.spare();
        self.has_lent_spare.store(spare.is_some(), Relaxed);
        let line = match spare {
            Some(spare) => spare,
            None => Line::open(&self.whom.target, self.tls.as_deref(), self.header()).await?,
        };
        self.descriptor.store(line.descriptor(), Relaxed);
        let is_strained = self.client.listener.pressure.is_strained();
        let hold = |passage| Box::new(Hold::new(passage, self.deadline, is_strained));
        let loan = Loan {
            line: Some(line),
            outbox: Outbox::default(),
            reader: Reader::new(Reply::new(self.asked, self.limits), &self.client),
            hold: self.passage.as_ref().map(hold),
            is_over: false,
            is_kept: self.is_kept,
            watched: Arc::clone(&self.watched),
            is_stuck: Arc::clone(&self.is_stuck),
            has_failed: false,
            whom: self.whom.clone(),
            stay: self.stay.clone(),
            vitals: Arc::clone(&self.vitals),
            spares: Arc::clone(&self.spares),
        };
        Ok(VirtualSocketStream::new(Box::new(loan)).into())
    }
}

/// A connection for the time of one exchange.
#[derive(Debug)]
struct Loan {
    /// There until it is dropped.
    line: Option<Line>,
    outbox: Outbox,
    reader: Reader,
    /// Where the response may be compressed.
    hold: Option<Box<Hold>>,
    /// The response has ended, and nothing speaks against another request.
    is_over: bool,
    /// Once all is over.
    is_kept: bool,
    watched: Arc<OnceLock<Leash>>,
    is_stuck: Arc<AtomicBool>,
    /// A write has.
    has_failed: bool,
    whom: Whom,
    stay: Stay,
    vitals: Arc<Vitals>,
    spares: Arc<Spares>,
}

impl Loan {
    fn line(&mut self) -> io::Result<(Pin<&mut Line>, &mut Outbox)> {
        match &mut self.line {
            Some(line) => Ok((Pin::new(line), &mut self.outbox)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_hand_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (mut line, outbox) = self.line()?;
        let flushed = match outbox.poll_write_out(line.as_mut(), cx) {
            Poll::Ready(Ok(())) => line.poll_flush(cx),
            other => other,
        };
        self.note(&flushed);
        flushed
    }

    /// Notes whether the server takes what is written. A write that fails says nothing new, nor does what comes
    /// after it: it may be the watchdog that has ended the connection, because the server took nothing.
    fn note<T>(&mut self, written: &Poll<io::Result<T>>) {
        self.has_failed |= matches!(written, Poll::Ready(Err(_)));
        if !self.has_failed {
            self.is_stuck.store(written.is_pending(), Relaxed);
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if self.reader.has_surplus() {
            self.whom.said_too_much(&self.vitals);
        } else if let (true, Some(line)) = (self.is_over, self.line.take()) {
            let is_released = self.watched.get().is_none_or(Leash::release);
            if !(self.is_kept && is_released) {
                return line.part();
            }
            let (whom, vitals) = (self.whom.clone(), Arc::clone(&self.vitals));
            self.spares
                .keep(whom, line, self.stay.clone(), vitals, Instant::now());
        }
    }
}

impl AsyncRead for Loan {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(line) = &mut this.line else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let (line, reader) = (Pin::new(line), &mut this.reader);
        // With room for one byte, and never else, Pingora asks whether a connection may be kept that has
        // done its work. It takes the answer for a close, drops the loan, and that gives it back.
        if buf.capacity() == 1 {
            let is_given = this.hold.as_ref().is_none_or(|hold| hold.is_empty());
            this.is_over =
                is_given && reader.is_over() && reader.poll_surplus(line, cx).is_pending();
            return Poll::Ready(Ok(()));
        }
        let polled = match &mut this.hold {
            Some(hold) => {
                let was_holding = hold.is_holding();
                let polled = hold.poll_read(reader, line, cx, buf);
                if hold.is_holding()
                    && !was_holding
                    && let Some(leash) = this.watched.get()
                {
                    leash.response_began();
                }
                polled
            }
            None => reader.poll_read(line, cx, buf),
        };
        if polled.is_pending() {
            // Whoever waits for the server has nothing to add just now: Pingora flushes a body with a length at its
            // end alone. A failure shows again when it writes; what the server has said before is still to be read.
            let _ = this.poll_hand_out(cx);
        }
        polled
    }
}

impl AsyncWrite for Loan {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let (line, outbox) = this.line()?;
        let written = outbox.poll_write(line, cx, buf);
        this.note(&written);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_hand_out(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (mut line, outbox) = self.get_mut().line()?;
        ready!(outbox.poll_write_out(line.as_mut(), cx))?;
        line.poll_shutdown(cx)
    }
}

impl VirtualSocket for Loan {
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(()) // a connection has what it needs from the start
    }
}

#[cfg(test)]
mod tests {
    use tokio::{net::UnixStream, time::sleep};

    use super::{
        super::{
            socket::Socket,
            watchdog::{Patience, Watchdog},
        },
        *,
    };
    use crate::balance::Target;

    /// Lends this connection, and has its response over.
    fn answered(near: UnixStream, spares: &Arc<Spares>) -> Loan {
        let limits = ReplyLimits {
            header_size: 4096,
            header_count: 20,
        };
        Loan {
            line: Some(Line::plain(Socket::Unix(near))),
            outbox: Outbox::default(),
            reader: Reader::in_portions(Reply::new(Asked::default(), limits), 64 << 10),
            hold: None,
            is_over: true,
            is_kept: true,
            watched: Arc::default(),
            is_stuck: Arc::default(),
            has_failed: false,
            whom: Whom {
                tls: None,
                target: Target::Socket(([10, 0, 0, 1], 80).into()),
                client: None,
            },
            stay: Stay {
                keepalive: Duration::from_secs(60),
                lifetime: Duration::from_secs(60),
                client: None,
            },
            vitals: Arc::new(Vitals::new(std::time::Instant::now())),
            spares: Arc::clone(spares),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watchdog_that_outlives_the_loan_leaves_the_spare_alone() {
        let spares = Arc::new(Spares::new(8));
        let (near, _far) = UnixStream::pair().unwrap();
        let loan = answered(near, &spares);
        let patience = Duration::from_secs(2);
        let descriptor = loan.line.as_ref().unwrap().descriptor();
        let patience = Patience {
            upload: patience,
            first_byte: patience,
            idle: patience,
        };
        let watchdog = Watchdog::set(descriptor, patience, false).unwrap();
        loan.watched.set(watchdog.leash()).unwrap();
        let whom = loan.whom.clone();
        drop(loan);
        sleep(Duration::from_secs(10)).await;
        assert!(!watchdog.has_expired());
        assert!(spares.take(&whom, Instant::now()).is_some());
    }
}
