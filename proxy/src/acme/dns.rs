//! Records in the DNS for the challenge dns-01: set and cleared by the operator's command.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;

use super::{Failure, propagation};
use crate::config::model::DnsHook;

/// Letters of what a hook complains of that are shown.
const LONGEST: usize = 300;

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

    /// Returns once those whom the CA will ask know of the record.
    pub(super) async fn propagated(&self) -> Result<(), Failure> {
        propagation::wait(&self.hook.propagation, &self.name, &self.value).await
    }

    /// Runs `COMMAND cleanup NAME VALUE`. A record that stays harms nobody; it is told of.
    pub(super) async fn clean_up(mut self) {
        self.is_up = false;
        clean_up(&self.hook, &self.name, &self.value).await;
    }
}

impl Drop for Record {
    /// An order that was given up leaves no record behind, if there is still somebody to clear it.
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.is_up, tokio::runtime::Handle::try_current()) {
            let (hook, name, value) = (self.hook.clone(), self.name.clone(), self.value.clone());
            runtime.spawn(async move { clean_up(&hook, &name, &value).await });
        }
    }
}

async fn clean_up(hook: &DnsHook, name: &str, value: &str) {
    if let Err(failure) = run(hook, "cleanup", name, value).await {
        tracing::warn!("the record {name} may be left behind: {}", failure.words);
    }
}

async fn run(hook: &DnsHook, action: &str, name: &str, value: &str) -> Result<(), Failure> {
    let shown = hook.command.join(" ");
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
    let ended = match tokio::time::timeout(hook.timeout, command.output()).await {
        Ok(ended) => {
            ended.map_err(|error| Failure::disk(&format!("`{shown}` cannot be run"), &error))?
        }
        Err(_) => return Err(Failure::ours(too_long(&shown, action, hook.timeout))),
    };
    if ended.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&ended.stderr);
    let complaint: String = complaint.trim().chars().take(LONGEST).collect();
    Err(Failure::ours(format!(
        "`{shown} {action} {name} …` ended with {}: {complaint}",
        ended.status
    )))
}

fn too_long(shown: &str, action: &str, limit: Duration) -> String {
    format!(
        "`{shown} {action} …` did not end within {} s",
        limit.as_secs()
    )
}
