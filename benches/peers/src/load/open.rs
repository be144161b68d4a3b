//! The open loop: requests begin by the clock, whether those before them are answered or not, and each counts from when it
//! was to begin. So who is slow is not asked less, and those who wait behind it are counted (no coordinated omission).

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use rustls::{ClientConfig, client::Resumption};
use tokio::{
    io::{AsyncRead, AsyncWrite, unix::AsyncFd},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{client, field::Field, origin, outcome::Outcome};

/// Requests a second.
pub(crate) const RATE: u32 = 2_000;
/// One of so many comes by a new connection, which ends with it.
const NEW_OF: u64 = 20;
/// Connections that are kept, and so requests on them at a time.
const KEPT: usize = 64;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
type Boxed = Box<dyn Stream>;

/// Whom is asked, and how.
#[derive(Clone)]
struct Target {
    to: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    kept: Arc<Mutex<Vec<Boxed>>>,
    places: Arc<Semaphore>,
}

/// Asks at an address for so long, and returns how many microseconds each answer took.
pub(crate) async fn run(
    field: &Field,
    to: SocketAddr,
    is_tls: bool,
    seconds: f64,
) -> Outcome<Vec<f64>> {
    let tls = if is_tls {
        Some(
            field
                .certificate
                .client(b"http/1.1", Resumption::disabled())?,
        )
    } else {
        None
    };
    let target = Target {
        to,
        tls,
        kept: Arc::default(),
        places: Arc::new(Semaphore::new(KEPT)),
    };
    for _ in 0..KEPT {
        let stream = target.connect().await?;
        target.keep(stream);
    }
    let beat = Beat::start()?;
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    let mut sent = 0_u64;
    while begin.elapsed().as_secs_f64() < seconds {
        for _ in 0..beat.next().await? {
            sent += 1;
            let planned = begin + Duration::from_secs(sent) / RATE;
            tasks.spawn(target.clone().ask(planned, sent.is_multiple_of(NEW_OF)));
        }
    }
    let mut taken = Vec::with_capacity(tasks.len());
    while let Some(answered) = tasks.join_next().await {
        taken.push(answered??);
    }
    Ok(taken)
}

impl Target {
    async fn connect(&self) -> Outcome<Boxed> {
        Ok(match &self.tls {
            None => Box::new(client::connect(self.to, Ipv4Addr::LOCALHOST).await?),
            Some(config) => {
                Box::new(client::connect_tls(self.to, Ipv4Addr::LOCALHOST, config).await?)
            }
        })
    }

    /// Asks once, by a new connection or one that was kept, and returns microseconds since it was to begin.
    async fn ask(self, planned: Instant, by_new: bool) -> Outcome<f64> {
        let headers = if by_new { "Connection: close\r\n" } else { "" };
        let request = client::request("localhost", origin::SMALL, headers);
        let place = if by_new {
            None
        } else {
            Some(self.places.acquire().await?)
        };
        let kept = if by_new { None } else { self.kept().pop() };
        let mut stream = match kept {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let reply = client::exchange(&mut stream, &request).await?;
        let taken = planned.elapsed().as_secs_f64() * 1e6;
        if !by_new {
            self.keep(stream);
        }
        drop(place);
        match reply.status {
            200 => Ok(taken),
            status => Err(format!("status {status}").into()),
        }
    }

    fn keep(&self, stream: Boxed) {
        self.kept().push(stream);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Boxed>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that beats at the rate: tokio's own counts milliseconds.
struct Beat(AsyncFd<OwnedFd>);

impl Beat {
    fn start() -> Outcome<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        let period = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(1_000_000_000 / RATE),
        };
        let each = Itimerspec {
            it_interval: period,
            it_value: period,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &each)?;
        #[expect(
            deprecated,
            reason = "what is said against it is about types that give up their descriptor, and this one owns it"
        )]
        let beat = AsyncFd::new(timer)?;
        Ok(Self(beat))
    }

    /// How often it has beaten since it was last asked.
    async fn next(&self) -> io::Result<u64> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut count = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut count)?));
            match read {
                Ok(read) => {
                    read?;
                    return Ok(u64::from_ne_bytes(count));
                }
                Err(_not_yet) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_clock_beats_at_its_rate() {
        let beat = Beat::start().unwrap();
        let begin = Instant::now();
        let mut beats = 0;
        while beats < u64::from(RATE) / 20 {
            beats += beat.next().await.unwrap();
        }
        assert!(begin.elapsed() >= Duration::from_millis(49));
    }
}
