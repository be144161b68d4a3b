//! Records in the DNS for the challenge dns-01: set and cleared by the operator's command.

use std::process::Stdio;

use tokio::{
    io::{AsyncRead, AsyncReadExt, copy, sink},
    process::Command,
};

use super::{
    Failure,
    propagation::{self, Expected},
};
use crate::config::model::DnsHook;

/// Letters of what a hook complains of that are shown.
const LONGEST: usize = 300;
/// Bytes of it that are read into memory.
const MOST: u64 = 64 << 10;

/// A TXT record that stands until it is cleaned up.
#[derive(Debug)]
pub(super) struct Record {
    hook: DnsHook,
    name: String,
    value: String,
    is_up: bool,
}

impl Record {
    /// Runs `COMMAND present NAME VALUE`.
    pub(super) async fn present(
        hook: &DnsHook,
        name: String,
        value: String,
    ) -> Result<Self, Failure> {
        // From here on it is cleaned up: a hook that fails may have done half of its work.
        let record = Self {
            hook: hook.clone(),
            name,
            value,
            is_up: true,
        };
        run(&record.hook, "present", &record.name, &record.value).await?;
        Ok(record)
    }

    /// Returns once those whom the CA will ask know of all the records of one order.
    pub(super) async fn propagated(records: &[&Self]) -> Result<(), Failure> {
        // The records of one order are set by one hook.
        let Some(first) = records.first() else {
            return Ok(());
        };
        let expected = records
            .iter()
            .map(|record| Expected {
                name: record.name.clone(),
                value: record.value.clone(),
            })
            .collect();
        propagation::wait(&first.hook.propagation, expected).await
    }

    /// Runs `COMMAND cleanup NAME VALUE`. A record that stays harms nobody; it is told of.
    pub(super) async fn clean_up(mut self) {
        clean_up(&self.hook, &self.name, &self.value).await;
        self.is_up = false;
    }
}

impl Drop for Record {
    /// An order that was given up, in the midst of cleaning up perhaps, leaves no record behind.
    fn drop(&mut self) {
        if !self.is_up {
            return;
        }
        let (hook, name, value) = (self.hook.clone(), self.name.clone(), self.value.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { clean_up(&hook, &name, &value).await });
        } else {
            tracing::warn!("the record {name} is left behind: the process is stopping");
        }
    }
}

async fn clean_up(hook: &DnsHook, name: &str, value: &str) {
    if let Err(failure) = run(hook, "cleanup", name, value).await {
        tracing::warn!("the record {name} may be left behind: {}", failure.words);
    }
}

/// What is told of a run names the program alone: its arguments may hold secrets.
async fn run(hook: &DnsHook, action: &str, name: &str, value: &str) -> Result<(), Failure> {
    let Some((program, arguments)) = hook.command.split_first() else {
        return Err(Failure::ours("the hook of dns-01 names no program"));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args([action, name, value])
        .current_dir(&hook.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let ended = async {
        let mut child = command.spawn()?;
        let complaint = complaint(child.stderr.take());
        let (complaint, status) = tokio::join!(complaint, child.wait());
        Ok::<_, std::io::Error>((complaint, status?))
    };
    let (complaint, status) = match tokio::time::timeout(hook.timeout, ended).await {
        Ok(ended) => {
            ended.map_err(|error| Failure::disk(&format!("`{program}` cannot be run"), &error))?
        }
        Err(_) => {
            return Err(Failure::ours(format!(
                "`{program}` did not end {action} {name} within {} s",
                hook.timeout.as_secs()
            )));
        }
    };
    if status.success() {
        return Ok(());
    }
    Err(Failure::ours(format!(
        "`{program}` ended {action} {name} with {status}: {complaint}"
    )))
}

/// The beginning of what a hook says. The rest is read too, so that it can go on, and thrown away.
async fn complaint(said: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut said) = said else {
        return String::new();
    };
    let mut begin = Vec::new();
    // What was said before a failure to read is good enough.
    let _ = (&mut said).take(MOST).read_to_end(&mut begin).await;
    let _ = copy(&mut said, &mut sink()).await;
    let begin = String::from_utf8_lossy(&begin);
    begin.trim().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::config::model::Propagation;

    /// A hook that runs `script` with a secret among its arguments.
    fn hook(folder: &Path, script: &str) -> DnsHook {
        let command = ["sh", "-c", script, "secret-token"];
        DnsHook {
            command: command.map(str::to_owned).to_vec(),
            directory: folder.to_owned(),
            timeout: Duration::from_secs(20),
            propagation: Propagation {
                servers: Vec::new(),
                timeout: Duration::ZERO,
                delay: Duration::ZERO,
            },
        }
    }

    async fn present(hook: &DnsHook) -> Result<Record, Failure> {
        let name = "_acme-challenge.a.test".to_owned();
        Record::present(hook, name, "value".to_owned()).await
    }

    #[tokio::test]
    async fn a_failing_hook_is_quoted_without_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let hook = hook(folder.path(), "echo no such zone >&2; exit 3");
        let words = present(&hook).await.unwrap_err().words;
        let expected =
            "`sh` ended present _acme-challenge.a.test with exit status: 3: no such zone";
        assert_eq!(words, expected);
    }

    #[tokio::test]
    async fn a_hook_that_takes_too_long_is_ended_and_told_of_without_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let mut hook = hook(folder.path(), "sleep 60");
        hook.timeout = Duration::from_millis(50);
        let words = present(&hook).await.unwrap_err().words;
        let expected = "`sh` did not end present _acme-challenge.a.test within 0 s";
        assert_eq!(words, expected);
    }

    #[tokio::test]
    async fn a_hook_that_says_more_than_is_read_ends_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let hook = hook(
            folder.path(),
            "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1",
        );
        let words = present(&hook).await.unwrap_err().words;
        assert!(words.ends_with(&"x".repeat(LONGEST)), "{words}");
        assert!(!words.ends_with(&"x".repeat(LONGEST + 1)), "{words}");
    }

    #[tokio::test]
    async fn a_clean_up_that_was_given_up_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        // The first clean-up waits for ever, as one that is given up does.
        let script = "case $1 in present) exit;; esac; \
            if mkdir first; then sleep 60; else touch done; fi";
        let record = present(&hook(folder.path(), script)).await.unwrap();
        let first = folder.path().join("first");
        tokio::select! {
            () = record.clean_up() => panic!("it waits for ever"),
            () = appears(&first) => {}
        }
        appears(&folder.path().join("done")).await;
    }

    async fn appears(path: &Path) {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
