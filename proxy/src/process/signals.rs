//! What signals and operators ask of the process.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
};

use super::{
    Edge,
    edge::Running,
    operate::{Operated, ServerStatus},
    reload::ReloadError,
};
use crate::{
    admin::{CertificateStatus, StatsView},
    balance::Operation,
};

/// Something an operator asks for through the control socket.
pub(super) enum Wish {
    Reload(oneshot::Sender<Result<u64, ReloadError>>),
    Certificates(oneshot::Sender<Vec<CertificateStatus>>),
    /// The certificate for this host.
    Renew(String, oneshot::Sender<Result<String, String>>),
    /// Another key for the account at the CA of this name.
    RollOver(String, oneshot::Sender<Result<String, String>>),
    /// An order for servers.
    Operate(
        Vec<String>,
        Operation,
        oneshot::Sender<Result<Operated, String>>,
    ),
    /// Servers as they are just now.
    Servers(
        Vec<String>,
        oneshot::Sender<Result<Vec<ServerStatus>, String>>,
    ),
    /// Everything there is to see, of these upstreams.
    Status(Vec<String>, oneshot::Sender<Result<StatsView, String>>),
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

    /// Waits for a signal that ends the process.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.stop.recv() => {}
            _ = self.drain.recv() => {}
        }
    }
}

impl Running {
    /// Serves until a signal ends it.
    pub async fn serve(mut self, mut signals: Signals) -> Ending {
        let edge = &self.edge;
        let hurry = loop {
            // A reload may take its time over names and files; a signal to stop does not wait for it.
            let (result, answer) = tokio::select! {
                _ = signals.reload.recv() => (edge.reload(), None),
                _ = signals.reopen.recv() => {
                    edge.observer.access_log.reopen();
                    continue;
                }
                _ = signals.stop.recv() => break true,
                _ = signals.drain.recv() => break false,
                Some(wish) = self.wishes.recv() => match wish {
                    Wish::Reload(answer) => (edge.reload(), Some(answer)),
                    other => {
                        edge.grant(other);
                        continue;
                    }
                },
            };
            let result = tokio::select! {
                result = result => result,
                _ = signals.stop.recv() => break true,
                _ = signals.drain.recv() => break false,
            };
            if let Some(answer) = answer {
                // Whoever asked may have left.
                drop(answer.send(result));
            }
        };
        let ending = if hurry {
            Ending::Stopped
        } else {
            edge.end(&mut signals, &mut self.wishes).await
        };
        if !edge.observer.access_log.close(Duration::from_secs(2)) {
            tracing::warn!("the last lines of the access log could not be written");
        }
        ending
    }
}

impl Edge {
    /// Drains, unless a second signal is in a hurry.
    async fn end(
        self: &Arc<Self>,
        signals: &mut Signals,
        wishes: &mut mpsc::Receiver<Wish>,
    ) -> Ending {
        let mut draining = std::pin::pin!(async {
            self.drain().await;
            self.end_traces().await;
        });
        loop {
            tokio::select! {
                () = &mut draining => return Ending::Drained,
                _ = signals.drain.recv() => return Ending::Stopped,
                _ = signals.stop.recv() => return Ending::Stopped,
                _ = signals.reload.recv() => tracing::warn!("stopping; no reload any more"),
                _ = signals.reopen.recv() => self.observer.access_log.reopen(),
                Some(wish) = wishes.recv() => match wish {
                    Wish::Reload(answer) => drop(answer.send(Err(ReloadError::Stopping))),
                    Wish::Certificates(answer) => drop(answer.send(self.certificates())),
                    // Who hears no answer is told that the process is stopping.
                    Wish::Renew(_, answer) | Wish::RollOver(_, answer) => drop(answer),
                    Wish::Operate(_, _, answer) => drop(answer),
                    shown @ (Wish::Servers(..) | Wish::Status(..)) => self.grant(shown),
                },
            }
        }
    }
}
