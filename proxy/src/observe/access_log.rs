//! The access log: lines in from every request, out through one thread that alone may wait.
//!
//! A request never waits for a disk or a pipe. If the reader is slower than the requests, lines are
//! dropped and counted rather than kept without limit.

use std::{io, sync::Arc, time::Duration};

use prometheus::IntCounter;

use super::{
    queue::Queue,
    sink::{Descriptor, LogFile, Sink},
    writer,
};
use crate::config::model;

/// The handle by which lines reach the log. Dropping the last one lets the thread finish its work and end.
///
/// The thread starts with the handle, so make it after the process has become a daemon.
#[derive(Debug)]
pub struct AccessLog {
    /// `None` while the log is off.
    queue: Option<Arc<Queue>>,
}

impl AccessLog {
    /// Opens what the configuration names. A line that is lost adds one to `dropped`.
    ///
    /// Fails if the file cannot be opened or the thread cannot be started.
    pub fn open(target: &model::AccessLog, dropped: IntCounter) -> io::Result<Self> {
        match target {
            model::AccessLog::Off => Ok(Self::off()),
            model::AccessLog::Stdout => Self::start(Descriptor::stdout()?, dropped),
            model::AccessLog::Stderr => Self::start(Descriptor::stderr()?, dropped),
            model::AccessLog::File(path) => Self::start(LogFile::open(path.clone())?, dropped),
        }
    }

    /// A log that takes nothing.
    pub const fn off() -> Self {
        Self { queue: None }
    }

    /// Whether a line is worth formatting.
    pub const fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Hands on one line, line feed included, without waiting for it to be written.
    pub fn write(&self, line: &[u8]) {
        if let Some(queue) = &self.queue {
            queue.push(line);
        }
    }

    /// Opens the file again under its name, after what was logged so far has gone to the old one (USR1,
    /// log rotation). If that fails, the old file stays in use and a warning says so.
    pub fn reopen(&self) {
        if let Some(queue) = &self.queue {
            queue.reopen();
        }
    }

    /// Takes no further line and waits until all are written, at most for `deadline`. True if they are.
    ///
    /// Blocks its thread: for the very end of the process.
    pub fn close(&self, deadline: Duration) -> bool {
        self.queue
            .as_ref()
            .is_none_or(|queue| queue.close(deadline))
    }

    fn start(sink: impl Sink, dropped: IntCounter) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(dropped));
        writer::start(Arc::clone(&queue), sink)?;
        Ok(Self { queue: Some(queue) })
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        sync::mpsc::{self, Receiver, Sender},
    };

    use super::*;
    use crate::observe::queue::CAPACITY;

    const SOON: Duration = Duration::from_secs(10);

    /// Tells the test of each batch and then waits for the test to say how it went.
    struct Scripted {
        batches: Sender<Vec<u8>>,
        outcomes: Receiver<io::Result<usize>>,
    }

    impl Sink for Scripted {
        fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
            self.batches.send(batch.to_vec()).unwrap();
            self.outcomes.recv().unwrap()
        }

        fn reopen(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Script {
        log: AccessLog,
        dropped: IntCounter,
        batches: Receiver<Vec<u8>>,
        outcomes: Sender<io::Result<usize>>,
    }

    fn scripted() -> Script {
        let (to_test, batches) = mpsc::channel();
        let (outcomes, from_test) = mpsc::channel();
        let dropped = IntCounter::new("dropped", "Lines lost.").unwrap();
        let sink = Scripted {
            batches: to_test,
            outcomes: from_test,
        };
        let log = AccessLog::start(sink, dropped.clone()).unwrap();
        Script {
            log,
            dropped,
            batches,
            outcomes,
        }
    }

    impl Script {
        fn next_batch(&self) -> Vec<u8> {
            self.batches.recv_timeout(SOON).unwrap()
        }

        fn answer(&self, outcome: io::Result<usize>) {
            self.outcomes.send(outcome).unwrap();
        }
    }

    #[test]
    fn a_stuck_reader_costs_lines_and_no_request_waits() {
        let script = scripted();
        script.log.write(b"first\n");
        assert_eq!(script.next_batch(), b"first\n");
        // The writer is stuck from here on.
        let line = [b'x'; 1024];
        let fitting = CAPACITY / line.len();
        for _ in 0..fitting {
            script.log.write(&line);
        }
        assert_eq!(script.dropped.get(), 0);
        for _ in 0..7 {
            script.log.write(&line);
        }
        assert_eq!(script.dropped.get(), 7);

        script.answer(Ok(6));
        assert_eq!(script.next_batch().len(), CAPACITY);
        script.answer(Ok(CAPACITY));
        script.log.write(b"room again\n");
        assert_eq!(script.next_batch(), b"room again\n");
        script.answer(Ok(11));
        assert!(script.log.close(SOON));
        assert_eq!(script.dropped.get(), 7);
    }

    #[test]
    fn a_full_disk_costs_the_batch_and_the_next_line_begins_afresh() {
        let script = scripted();
        script.log.write(b"one\ntwo\n");
        assert_eq!(script.next_batch(), b"one\ntwo\n");
        script.answer(Ok(5));
        assert_eq!(script.next_batch(), b"wo\n");
        script.answer(Err(io::ErrorKind::StorageFull.into()));
        script.log.write(b"three\n");
        // The torn line is ended first.
        assert_eq!(script.next_batch(), b"\n");
        script.answer(Ok(1));
        assert_eq!(script.next_batch(), b"three\n");
        script.answer(Ok(6));
        assert!(script.log.close(SOON));
        assert_eq!(script.dropped.get(), 1);
    }

    #[test]
    fn an_interrupted_or_busy_write_is_tried_again() {
        let script = scripted();
        script.log.write(b"one\n");
        for kind in [io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock] {
            assert_eq!(script.next_batch(), b"one\n");
            script.answer(Err(kind.into()));
        }
        assert_eq!(script.next_batch(), b"one\n");
        script.answer(Ok(4));
        assert!(script.log.close(SOON));
        assert_eq!(script.dropped.get(), 0);
    }

    #[test]
    fn closing_gives_up_at_its_deadline() {
        let script = scripted();
        script.log.write(b"one\n");
        script.next_batch();
        assert!(!script.log.close(Duration::from_millis(20)));
        script.log.write(b"too late\n");
        assert_eq!(script.dropped.get(), 1);
        script.answer(Ok(4));
        assert!(script.log.close(SOON));
    }

    #[test]
    fn a_log_that_is_off_takes_nothing_and_closes_at_once() {
        let dropped = IntCounter::new("dropped", "Lines lost.").unwrap();
        let log = AccessLog::open(&model::AccessLog::Off, dropped.clone()).unwrap();
        assert!(!log.is_on());
        log.write(b"x\n");
        assert!(log.close(Duration::ZERO));
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn a_rotated_file_is_opened_again_under_its_name() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
        let dropped = IntCounter::new("dropped", "Lines lost.").unwrap();
        let log = AccessLog::open(&model::AccessLog::File(path.clone()), dropped).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(
            mode & 0o137,
            0,
            "not writable by the group, nothing for others"
        );

        log.write(b"old\n");
        std::fs::rename(&path, &rotated).unwrap();
        log.reopen();
        log.write(b"either\n");
        assert!(log.close(SOON));
        let (before, after) = (
            std::fs::read(&rotated).unwrap(),
            std::fs::read(&path).unwrap(),
        );
        assert!(before.starts_with(b"old\n"));
        assert_eq!([before, after].concat(), b"old\neither\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        let missing = PathBuf::from("/nonexistent/folder/log");
        let dropped = IntCounter::new("dropped", "Lines lost.").unwrap();
        assert!(AccessLog::open(&model::AccessLog::File(missing), dropped).is_err());
    }
}
