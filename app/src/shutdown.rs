//! The signals that ask the process to stop.

use std::io;

use tokio::io::{AsyncReadExt, Stdin};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// TERM and INT, from the moment this is made: they no longer end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
    /// The end of standard input counts as a signal.
    stdin: Option<Stdin>,
}

impl Signals {
    /// Fails if the operating system has no handler to give.
    ///
    /// With `until_stdin_closes`, a parent that holds the other end of a pipe takes the server with it,
    /// however it ends.
    pub fn install(until_stdin_closes: bool) -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            stdin: until_stdin_closes.then(tokio::io::stdin),
        })
    }

    /// Waits for the next of them, and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "TERM",
            _ = self.int.recv() => "INT",
            () = closed(self.stdin.as_mut()) => {
                self.stdin = None; // it counts once
                "end of standard input"
            }
        }
    }
}

/// Waits for the end of standard input; for ever if it is not watched.
async fn closed(stdin: Option<&mut Stdin>) {
    let Some(stdin) = stdin else {
        return std::future::pending().await;
    };
    let mut ignored = [0; 64];
    while let Ok(1..) = stdin.read(&mut ignored).await {}
}
