//! The lines a process writes, collected while it runs.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    task::JoinHandle,
};

use super::until;

/// Lines of standard output or error so far.
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Log {
    pub(crate) fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        let reading = tokio::spawn(async move {
            let mut source = BufReader::new(stream).lines();
            while let Ok(Some(line)) = source.next_line().await {
                into.lock().push(line);
            }
        });
        Self { lines, reading }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        self.find(words).is_some()
    }

    /// The first line with these words.
    pub(crate) fn find(&self, words: &str) -> Option<String> {
        let lines = self.lines.lock();
        lines.iter().find(|line| line.contains(words)).cloned()
    }

    /// Waits for a line with these words.
    pub(crate) async fn await_line(&self, words: &str) -> String {
        until(&format!("a line with {words:?}"), async || self.has(words)).await;
        self.find(words).unwrap()
    }

    /// Waits until the process has closed the stream.
    pub(crate) async fn await_end(&self) {
        until("the end of the log", async || self.reading.is_finished()).await;
    }
}
