//! `simplon drain`: no new requests for servers of the running process, and the wait until they are idle.

use std::{
    future::ready,
    io::{IsTerminal, Write as _, stderr},
    time::{Duration, Instant},
};

use clap::Args;
use tokio::{runtime, time::sleep};

use super::{
    order::{NAMING, Servers},
    print,
    table::{lines, plain},
    tell,
};
use crate::{
    balance::{Order, Ordered},
    config::units,
    process::{Asked, Command, ServerStatus},
};

/// How often the requests are counted.
const LOOK: Duration = Duration::from_millis(100);

/// Send servers no new requests, and let those under way finish
///
/// They are still checked, and clients that stick to them are kept. `simplon ready` ends it. When no
/// server is left, requests are refused with 503.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{NAMING}"))]
pub(super) struct Drain {
    #[command(flatten)]
    servers: Servers,
    /// Wait until no request is under way at them
    ///
    /// Tunnels, such as those of `WebSocket`, count until they are closed.
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this, then end with exit status 1; the servers stay drained
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "60s",
        requires = "wait",
        value_parser = duration
    )]
    timeout: Duration,
}

const EXAMPLES: &str = "\
Examples:
  simplon drain api/10.0.0.11:8000           this server
  simplon drain api/10.0.0.11:8000 --wait    and wait until it is idle
  simplon drain api --wait --timeout 5m      all servers of an upstream
  simplon ready api/10.0.0.11:8000           when it is to work again";

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|malformed| malformed.to_string())
}

impl Drain {
    pub(super) fn execute(&self) -> u8 {
        let Some(answer) = self.servers.order(Order::Drain) else {
            return 1;
        };
        if !self.wait {
            return 0;
        }
        let waited = self.until_idle(answer);
        if stderr().is_terminal() {
            // Off with the line that told of the waiting.
            let _ = write!(stderr(), "\r\x1b[K");
        }
        match waited {
            Ok(()) => {
                print("no request is under way");
                0
            }
            Err(why) => {
                tell(why);
                1
            }
        }
    }

    fn until_idle(&self, first: Asked) -> Result<(), String> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot wait: {error}"))?;
        let started = Instant::now();
        let mut servers = statuses(first)?;
        loop {
            if let Some(server) = servers.iter().find(|server| takes_new(server)) {
                return Err(format!(
                    "{} takes requests again: somebody has ended the drain",
                    name(server)
                ));
            }
            servers.retain(|server| server.in_flight > 0);
            if servers.is_empty() {
                return Ok(());
            }
            let waited = started.elapsed();
            if waited >= self.timeout {
                return Err(format!(
                    "still under way after {}: {}\n  hint: the servers stay drained; wait again, or `simplon ready` ends it",
                    units::show_duration(self.timeout),
                    remaining(&servers)
                ));
            }
            if stderr().is_terminal() {
                // A terminal that went away is no reason to stop.
                let _ = write!(
                    stderr(),
                    "\r\x1b[K{} s: {}",
                    waited.as_secs(),
                    remaining(&servers)
                );
            }
            let pause = LOOK.min(self.timeout.saturating_sub(waited));
            runtime.block_on(async { sleep(pause).await });
            servers = self.look()?;
        }
    }

    fn look(&self) -> Result<Vec<ServerStatus>, String> {
        let command = Command::Servers {
            servers: self.servers.servers.clone(),
        };
        let answer = self.servers.process.try_ask(&command, ready(()));
        match answer {
            Ok(answer) if answer.ok => statuses(answer),
            Ok(answer) => Err(lines(&answer.message)),
            Err(why) => Err(format!(
                "the process has gone while its servers were drained: {why}"
            )),
        }
    }
}

fn statuses(answer: Asked) -> Result<Vec<ServerStatus>, String> {
    serde_json::from_value(answer.data)
        .map_err(|error| format!("the process is of another version than this command: {error}"))
}

fn takes_new(server: &ServerStatus) -> bool {
    let ordered = Ordered {
        order: server.order,
        weight: server.weight,
    };
    ordered.takes_new()
}

fn name(server: &ServerStatus) -> String {
    plain(&format!("{}/{}", server.upstream, server.server))
}

/// `3 requests at api/10.0.0.11:8000, 1 request at api/10.0.0.12:8000 and at 7 more servers`.
fn remaining(servers: &[ServerStatus]) -> String {
    const MOST: usize = 3;
    let shown = servers.iter().take(MOST).map(|server| {
        let plural = if server.in_flight == 1 { "" } else { "s" };
        let count = server.in_flight;
        format!("{count} request{plural} at {}", name(server))
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match servers.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and some at {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(last: u32, in_flight: u32) -> ServerStatus {
        ServerStatus {
            upstream: "api".to_owned(),
            server: format!("10.0.0.{last}:80"),
            state: "DRAIN".to_owned(),
            order: Order::Drain,
            weight: None,
            in_flight,
        }
    }

    #[test]
    fn what_remains_is_told_in_a_line() {
        let table: [(&[u32], &str); 3] = [
            (&[1], "1 request at api/10.0.0.0:80"),
            (
                &[3, 1],
                "3 requests at api/10.0.0.0:80, 1 request at api/10.0.0.1:80",
            ),
            (
                &[2, 2, 2, 2, 2],
                "2 requests at api/10.0.0.0:80, 2 requests at api/10.0.0.1:80, 2 requests at api/10.0.0.2:80 and some at 2 more",
            ),
        ];
        for (counts, expected) in table {
            let servers = (0..).zip(counts).map(|(last, count)| server(last, *count));
            assert_eq!(remaining(&servers.collect::<Vec<_>>()), expected);
        }
    }
}
