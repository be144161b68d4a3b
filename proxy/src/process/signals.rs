//! What signals and operators ask of the process.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::{Edge, edge::Running, reload::ReloadError};

/// Something an operator asks for through the control socket.
pub(super) enum Wish {
    Reload(oneshot::Sender<Result<u64, ReloadError>>),
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Drained,
    /// At once, by INT or a second signal.
    Stopped,
}

/// The signals of the manual; installed before anything else, since the default of HUP is death.
pub struct Signals {
    reload: Signal,
    drain: Signal,
    stop: Signal,
    reopen: Signal,
}

impl Signals {
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            drain: signal(SignalKind::terminate())?,
            stop: signal(SignalKind::interrupt())?,
            reopen: signal(SignalKind::user_defined1())?,
        })
    }
}

impl Running {
    /// Serves until a signal ends it.
    pub async fn serve(mut self, mut signals: Signals) -> Ending {
        let edge = &self.edge;
        let ending = loop {
            tokio::select! {
                _ = signals.reload.recv() => drop(edge.reload().await),
                _ = signals.reopen.recv() => edge.observer.access_log.reopen(),
                _ = signals.stop.recv() => break Ending::Stopped,
                _ = signals.drain.recv() => break edge.end(&mut signals).await,
                Some(wish) = self.wishes.recv() => match wish {
                    Wish::Reload(answer) => drop(answer.send(edge.reload().await)),
                },
            }
        };
        if !edge.observer.access_log.close(Duration::from_secs(2)) {
            tracing::warn!("the last lines of the access log could not be written");
        }
        ending
    }
}

impl Edge {
    /// Drains, unless a second signal is in a hurry.
    async fn end(&self, signals: &mut Signals) -> Ending {
        tokio::select! {
            () = self.drain() => Ending::Drained,
            _ = signals.drain.recv() => Ending::Stopped,
            _ = signals.stop.recv() => Ending::Stopped,
        }
    }
}
