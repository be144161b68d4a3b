//! Active health checks: one task a server asks it again and again, and counts as HAProxy does.

use std::{
    future::Future,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Notify,
    task::JoinHandle,
    time,
};

use super::{
    is_exhaustion,
    probe::{self, Answer, Finding, Reached},
    queue::Queue,
    server::{Place, Target},
    standing::Change,
    upstream::Upstream,
    vitals::{CheckResult, Vitals},
};
use crate::{
    admit::proxy_header::Ends,
    config::model::{HealthCheck, Probe, ProxyVersion},
    forward::ProxyHeader,
    tls::{self, ServerTls},
};

/// First checks are spread over no more than this, so that a dead server is known soon.
const FIRST_WITHIN: Duration = Duration::from_millis(500);

impl Upstream {
    /// Starts the tasks that check servers and resolve names. Called when the snapshot that holds
    /// this upstream is published, from within a Tokio runtime.
    ///
    /// A task already at work for this upstream is left alone; one of an earlier generation for
    /// the same server is replaced. So there are never two for one server.
    pub fn start_checks(self: &Arc<Self>) {
        self.start_resolving();
        self.look_again(); // what is new may have room
        let Some(check) = &self.spec.health else {
            for server in self.servers() {
                server.vitals.checker.clear();
                server.vitals.unchecked(Instant::now());
            }
            return;
        };
        let count = u32::try_from(self.servers().len()).unwrap_or(u32::MAX);
        let spread = check.interval.min(FIRST_WITHIN) / count.max(1);
        for (server, nth) in self.servers().iter().zip(0..) {
            let checker = Checker {
                upstream: Arc::clone(self.name()),
                label: Arc::clone(&server.label),
                place: server.place.clone(),
                manner: Manner {
                    tls: server.tls.clone(),
                    proxy_protocol: self.proxy_protocol(),
                },
                vitals: Arc::clone(&server.vitals),
                queue: Arc::clone(&self.queue),
                check: check.clone(),
            };
            let pause = spread * nth;
            server.vitals.checker.start(self.id(), checker.run(pause));
        }
    }

    /// Ends the tasks of this upstream; those another generation has taken over go on.
    /// The same happens when it is dropped.
    pub fn retire(&self) {
        self.stop_resolving();
        for server in self.servers() {
            server.vitals.checker.stop(self.id());
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.retire();
    }
}

/// The checks of one server. Holds no upstream, which would otherwise never be dropped.
#[derive(Debug)]
struct Checker {
    upstream: Arc<str>,
    label: Arc<str>,
    place: Place,
    manner: Manner,
    vitals: Arc<Vitals>,
    queue: Arc<Queue>,
    check: HealthCheck,
}

/// How a connection to a server begins.
#[derive(Debug, Default)]
struct Manner {
    tls: Option<Arc<ServerTls>>,
    proxy_protocol: Option<ProxyVersion>,
}

impl Checker {
    async fn run(self, pause: Duration) {
        time::sleep(pause).await;
        loop {
            let wake = &self.vitals.checker.wake;
            while self.vitals.ordered().is_maint() {
                wake.notified().await;
            }
            let start = Instant::now();
            self.check_once(start).await;
            let next = start + jittered(self.check.interval);
            // Whoever comes out of maintenance is checked at once.
            tokio::select! {
                () = time::sleep_until(next.into()) => {}
                () = wake.notified() => {}
            }
        }
    }

    async fn check_once(&self, start: Instant) {
        // A name without an address is no verdict on the server, which is unusable anyway.
        let Some(target) = self.place.target() else {
            return;
        };
        // Nor is it one that we have no descriptor to ask with.
        let asked = ask(&target, &self.manner, &self.label, &self.check).await;
        let Some(finding) = asked else {
            return;
        };
        let now = Instant::now();
        let result = CheckResult {
            good: finding.is_good(),
            reached: finding.reached,
            status: finding.status,
            text: finding.text,
            took: now.saturating_duration_since(start),
            at: now,
        };
        self.record(result);
    }

    fn record(&self, result: CheckResult) {
        let (upstream, server) = (&self.upstream, &self.label);
        let reason = result.text.clone();
        let change = self.vitals.checked(result, &self.check);
        match change {
            Change::None => tracing::debug!(%upstream, %server, %reason, "server is checked"),
            Change::WentUp => tracing::info!(%upstream, %server, %reason, "server is up"),
            Change::WentDown => tracing::warn!(%upstream, %server, %reason, "server is down"),
        }
        if change != Change::None {
            self.queue.look();
        }
    }
}

/// One check, all of it within the timeout. With TLS it takes the handshake of a request, but for ALPN. Nothing
/// if it could not be made.
async fn ask(
    target: &Target,
    manner: &Manner,
    label: &str,
    check: &HealthCheck,
) -> Option<Finding> {
    let deadline = time::Instant::now() + check.timeout;
    Some(
        match time::timeout_at(deadline, connect(target, manner)).await {
            Ok(Ok(connection)) => {
                let is_secured = manner.tls.is_some();
                let spoken = speak(connection, is_secured, deadline, label, check).await;
                spoken.unwrap_or_else(|finding| finding)
            }
            Ok(Err(error)) if is_exhaustion(&error) => return None,
            Ok(Err(error)) => {
                let is_tls = manner.tls.is_some() && tls::reason(&error).is_some();
                let reached = if is_tls {
                    Reached::Insecure
                } else {
                    Reached::Unconnected
                };
                Finding::of(reached, probe::in_words(&error))
            }
            Err(_elapsed) => probe::too_slow(Reached::NoConnection, "connection", check.timeout),
        },
    )
}

async fn speak(
    connection: Box<dyn Connection>,
    is_secured: bool,
    deadline: time::Instant,
    label: &str,
    check: &HealthCheck,
) -> Result<Finding, Finding> {
    let Probe::Http { path, expect } = &check.probe else {
        let reached = if is_secured {
            Reached::Secured
        } else {
            Reached::Connected
        };
        return Ok(Finding::of(reached, "connected"));
    };
    let exchange = converse(connection, probe::request(path, label));
    let answer = time::timeout_at(deadline, exchange)
        .await
        .map_err(|_elapsed| probe::too_slow(Reached::NoAnswer, "answer", check.timeout))?
        .map_err(|error| Finding::of(Reached::NotHttp, probe::in_words(&error)))?;
    Ok(probe::judge(answer, expect))
}

/// A connection as one for a request would begin, but for whom a PROXY header names.
async fn connect(target: &Target, manner: &Manner) -> io::Result<Box<dyn Connection>> {
    let (mut plain, ends): (Box<dyn Connection>, _) = match target {
        Target::Socket(address) => {
            let socket = TcpStream::connect(address).await?;
            let ends = Ends {
                source: socket.local_addr()?,
                destination: socket.peer_addr()?,
            };
            (Box::new(socket), Some(ends))
        }
        Target::Unix(path) => (Box::new(UnixStream::connect(path).await?), None),
    };
    if let Some(version) = manner.proxy_protocol {
        let header = ProxyHeader::of_check(version, ends);
        plain.write_all(&header.to_bytes()).await?;
    }
    Ok(match &manner.tls {
        Some(tls) => Box::new(tls.shake_hands_for_check(plain).await?),
        None => plain,
    })
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Sends the request and reads until the status is known, or the server stops.
async fn converse(mut connection: Box<dyn Connection>, request: Vec<u8>) -> io::Result<Answer> {
    connection.write_all(&request).await?;
    // Never grows: thirteen bytes settle what the answer is.
    let mut heard = Vec::with_capacity(256);
    loop {
        let count = connection.read_buf(&mut heard).await?;
        let answer = probe::answer(&heard);
        if answer != Answer::Partial || count == 0 {
            return Ok(answer);
        }
    }
}

/// Within 10 % of this, by chance: checks of many servers shall not fall into step.
pub(super) fn jittered(span: Duration) -> Duration {
    span.mul_f64(0.9 + 0.2 * fastrand::f64())
}

/// Room for one background task of one server, which several generations share.
#[derive(Debug, Default)]
pub(super) struct Slot {
    task: Mutex<Option<Task>>,
    wake: Notify,
}

/// Ends when dropped.
#[derive(Debug)]
struct Task {
    /// The upstream that started it, see [`Upstream::id`].
    owner: usize,
    handle: JoinHandle<()>,
}

impl Slot {
    /// Starts a task for `owner` in place of another's. Its own goes on undisturbed.
    pub(super) fn start(&self, owner: usize, work: impl Future<Output = ()> + Send + 'static) {
        let mut slot = self.task.lock();
        if slot.as_ref().is_some_and(|task| task.owner == owner) {
            return;
        }
        let handle = tokio::spawn(work);
        *slot = Some(Task { owner, handle });
    }

    /// Ends the task if it is `owner`'s.
    pub(super) fn stop(&self, owner: usize) {
        self.task.lock().take_if(|task| task.owner == owner);
    }

    pub(super) fn clear(&self) {
        self.task.lock().take();
    }

    /// Has the task look at what it is to do now.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

#[cfg(test)]
mod tests;
