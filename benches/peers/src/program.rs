//! A program that we started, in a process group of its own; it and all its children end when it is dropped.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::outcome::{In, Outcome};

/// Whatever does not listen by then never will.
const START: Duration = Duration::from_secs(60);
/// Whatever has not ended by itself by then is killed.
const END: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    id: Pid,
    log: PathBuf,
}

impl Program {
    /// Starts a command that has its own process group. What it prints goes to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Outcome<Self> {
        let out = fs::File::create(log).while_doing("a log")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .while_doing(name)?;
        let id = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| format!("{name} ended at once"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            id,
            log: log.to_owned(),
        })
    }

    /// The number of its process group, which is that of its first process.
    pub(crate) fn group(&self) -> i32 {
        self.id.as_raw_nonzero().get()
    }

    /// Tells its first process something, such as to read its configuration again.
    pub(crate) fn tell(&self, signal: Signal) -> Outcome<()> {
        kill_process(self.id, signal).while_doing(&self.name)
    }

    /// Returns once something accepts at the address.
    pub(crate) async fn listens(&mut self, address: SocketAddr) -> Outcome<()> {
        let deadline = Instant::now() + START;
        loop {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.complaint(&format!("ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.complaint(&format!("does not listen on {address}")));
            }
            sleep(LOOK).await;
        }
    }

    /// Returns once it has ended.
    pub(crate) async fn ended(&mut self) -> Outcome<()> {
        self.child.wait().await.while_doing(&self.name)?;
        Ok(())
    }

    fn complaint(&self, what: &str) -> crate::outcome::Trouble {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<_> = said.lines().rev().take(20).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        format!("{} {what}:\n{}", self.name, last.join("\n")).into()
    }
}

impl Drop for Program {
    #[expect(
        clippy::disallowed_methods,
        reason = "dropping cannot await, and nothing else has anything to do meanwhile"
    )]
    fn drop(&mut self) {
        // It may have something to write at its end, such as the profile of an instrumented build.
        let _ = kill_process(self.id, Signal::TERM);
        let deadline = Instant::now() + END;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        // If the group is gone there is nothing to end; and the runtime reaps the child.
        let _ = kill_process_group(self.id, Signal::KILL);
        let _ = self.child.start_kill();
    }
}
