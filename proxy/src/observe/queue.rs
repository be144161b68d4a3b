//! Lines on their way to the log's thread: two buffers that change places, bounded in bytes.

use std::{mem, time::Duration};

use parking_lot::{Condvar, Mutex};
use prometheus::IntCounter;

/// Bytes that may wait while the thread is busy; as many again may be in its hands.
pub(super) const CAPACITY: usize = 4 << 20;
/// Once this much waits, the thread writes without lingering.
const ENOUGH: usize = 256 << 10;
/// How long the first line waits for others to share its write(2).
const LINGER: Duration = Duration::from_millis(50);

/// Where requests put lines and the thread takes them. The lock is held for a copy of one line or for
/// a swap, never while something is written.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something for the thread to do.
    work: Condvar,
    /// The thread has ended.
    ended: Condvar,
    dropped: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    reopen: bool,
    closing: bool,
    ended: bool,
}

/// What the thread is to do after it has written a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Continue,
    Reopen,
    End,
}

impl Queue {
    pub(super) fn new(dropped: IntCounter) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            ended: Condvar::new(),
            dropped,
        }
    }

    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state.lock();
        let before = state.lines.len();
        let after = before.saturating_add(line.len());
        if after > CAPACITY || state.closing {
            drop(state);
            return self.dropped.inc();
        }
        state.lines.extend_from_slice(line);
        drop(state);
        // Waking costs a system call, so only the lines at which the thread's mind changes do it.
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.work.notify_one();
        }
    }

    pub(super) fn reopen(&self) {
        self.state.lock().reopen = true;
        self.work.notify_one();
    }

    /// No line is taken from here on.
    pub(super) fn end(&self) {
        self.state.lock().closing = true;
        self.work.notify_one();
    }

    /// Ends, and waits for the thread. False if the deadline came first.
    pub(super) fn close(&self, deadline: Duration) -> bool {
        self.end();
        let mut state = self.state.lock();
        self.ended
            .wait_while_for(&mut state, |state| !state.ended, deadline);
        state.ended
    }

    /// Waits for work and exchanges the waiting lines for the (empty) `batch`. For the thread.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> Then {
        let mut state = self.state.lock();
        self.work.wait_while(&mut state, |state| {
            state.lines.is_empty() && !state.is_urgent()
        });
        let sparse = |state: &mut State| state.lines.len() < ENOUGH && !state.is_urgent();
        self.work.wait_while_for(&mut state, sparse, LINGER);
        mem::swap(&mut state.lines, batch);
        if mem::take(&mut state.reopen) {
            Then::Reopen
        } else if state.closing {
            Then::End
        } else {
            Then::Continue
        }
    }

    /// The thread is at its end. For the thread.
    pub(super) fn has_ended(&self) {
        self.state.lock().ended = true;
        self.ended.notify_all();
    }

    /// Lines that were taken but could not be written. For the thread.
    pub(super) fn lost(&self, lines: u64) {
        self.dropped.inc_by(lines);
    }

    /// All lines lost so far, for want of room or by errors.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.get()
    }
}

impl State {
    const fn is_urgent(&self) -> bool {
        self.reopen || self.closing
    }
}
