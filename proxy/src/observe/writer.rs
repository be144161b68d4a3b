//! The access log's thread: takes what waits, writes it in one piece, outlives every error.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tracing::warn;

use super::{
    queue::{Queue, Then},
    sink::Sink,
};

/// Lost lines are worth a warning this often.
const WARN_EVERY: Duration = Duration::from_secs(60);
/// Pause before a sink that is busy (a non-blocking pipe, full) is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn start(queue: Arc<Queue>, sink: impl Sink) -> io::Result<()> {
    let writer = Writer {
        warned_of: queue.dropped(),
        queue,
        sink,
        torn: false,
        warned: None,
    };
    thread::Builder::new()
        .name("access-log".to_owned())
        .spawn(move || writer.run())
        .map(drop)
}

struct Writer<S> {
    queue: Arc<Queue>,
    sink: S,
    /// An error cut the last line short.
    torn: bool,
    warned: Option<Instant>,
    /// Lost lines at the time of the last warning.
    warned_of: u64,
}

impl<S: Sink> Writer<S> {
    fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let then = self.queue.take(&mut batch);
            let outcome = self.write(&batch);
            self.warn_of_losses(outcome.err());
            batch.clear();
            match then {
                Then::Continue => {}
                Then::Reopen => self.reopen(),
                Then::End => return self.queue.has_ended(),
            }
        }
    }

    /// Writes all of the batch, or counts the lines that did not make it.
    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        let mut rest = batch;
        while !rest.is_empty() {
            let next = if self.torn { b"\n" } else { rest };
            match self.sink.write(next) {
                Ok(0) => return Err(self.give_up(batch, rest, ErrorKind::WriteZero.into())),
                Ok(_) if self.torn => self.torn = false,
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::park_timeout(BUSY_PAUSE);
                }
                Err(error) => return Err(self.give_up(batch, rest, error)),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, batch: &[u8], rest: &[u8], error: io::Error) -> io::Error {
        let written = batch.len() - rest.len();
        if let Some(last) = written.checked_sub(1) {
            self.torn = batch.get(last) != Some(&b'\n');
        }
        let lines = rest.split_inclusive(|&byte| byte == b'\n').count();
        self.queue.lost(u64::try_from(lines).unwrap_or(u64::MAX));
        error
    }

    /// Once a minute at most, so that a full disk does not fill the other log too.
    fn warn_of_losses(&mut self, error: Option<io::Error>) {
        let dropped = self.queue.dropped();
        let lost = dropped.saturating_sub(self.warned_of);
        if lost == 0 || self.warned.is_some_and(|at| at.elapsed() < WARN_EVERY) {
            return;
        }
        if let Some(error) = error {
            warn!(lost, %error, "the access log cannot be written, lines are lost");
        } else {
            warn!(lost, "the access log is read too slowly, lines were lost");
        }
        self.warned = Some(Instant::now());
        self.warned_of = dropped;
    }

    fn reopen(&mut self) {
        match self.sink.reopen() {
            Ok(()) => self.torn = false,
            Err(error) => {
                warn!(%error, "the access log cannot be opened again, the old file stays in use");
            }
        }
    }
}
