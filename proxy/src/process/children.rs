//! Other programs that the process keeps running.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// The pause before a program that died is started again, and the most it grows to.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Who has run this long was in order; the pause starts over.
const IN_ORDER: Duration = Duration::from_secs(10);
/// How long a program may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(12);

/// How to start a program. Its standard input is a pipe that closes when this process ends.
#[derive(Clone, Debug)]
pub struct Program {
    /// For messages.
    pub name: String,
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
}

/// Programs that are started, and started again when they die, until they are told to stop.
pub struct Children {
    stopping: watch::Sender<bool>,
    keepers: JoinSet<()>,
}

impl Children {
    pub fn start(programs: impl IntoIterator<Item = Program>) -> Self {
        let stopping = watch::Sender::new(false);
        let mut keepers = JoinSet::new();
        for program in programs {
            keepers.spawn(keep(program, stopping.subscribe()));
        }
        Self { stopping, keepers }
    }

    /// Asks all of them to end, and waits until they have.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }
}

async fn keep(program: Program, mut stopping: watch::Receiver<bool>) {
    let mut pause = PAUSE;
    loop {
        let started = Instant::now();
        match spawn(&program) {
            Ok(mut child) => {
                // `wait` would close the pipe, which ends the program.
                let _pipe = child.stdin.take();
                let ended = tokio::select! {
                    ended = child.wait() => ended,
                    () = told(&mut stopping) => return end(child).await,
                };
                tracing::warn!(program = %program.name, "{}; starting it again", how(ended));
            }
            Err(error) => tracing::error!(program = %program.name, "cannot be started: {error}"),
        }
        pause = if started.elapsed() >= IN_ORDER {
            PAUSE
        } else {
            pause
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = told(&mut stopping) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn spawn(program: &Program) -> std::io::Result<Child> {
    Command::new(&program.path)
        .args(&program.arguments)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        // Ctrl-C is for us; we tell the others.
        .process_group(0)
        .spawn()
}

async fn end(mut child: Child) {
    if let Some(pid) = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
    {
        // It may have ended by itself just now.
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(PATIENCE, child.wait()).await.is_err() {
        // Nothing is left to do if this fails.
        let _ = child.kill().await;
    }
}

async fn told(stopping: &mut watch::Receiver<bool>) {
    // An error means that `Children` is gone, which is the same.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

fn how(ended: std::io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => format!("ended with {status}"),
        Err(error) => format!("was lost: {error}"),
    }
}
