//! `simplon ready`, `maint` and `weight`: orders for servers of the running process.

use std::future::ready;

use clap::Args;

use super::{print, socket::Socket, table::lines, tell};
use crate::{
    balance::{Order, Weight},
    process::{Asked, Command},
};

/// How servers are named on the command line, for every command that takes some.
pub(super) const NAMING: &str = "\
A server is named UPSTREAM/SERVER, as the stats page and `simplon status` show
it; UPSTREAM or UPSTREAM/* is all of its servers. If one name is unknown nothing
is changed. Orders survive reloads and, kept in the state directory, restarts.
Exit status 0 done, 1 refused or no process found.";

/// Let servers take requests again
///
/// Ends `drain` and `maint`. A server that was in maintenance counts as up and is checked at once; its
/// weight stays as it was ordered (`simplon weight SERVER default` ends that).
#[derive(Debug, Args)]
#[command(after_help = READY, after_long_help = format!("{READY}\n\n{NAMING}"))]
pub(super) struct Ready {
    #[command(flatten)]
    servers: Servers,
}

const READY: &str = "\
Examples:
  simplon ready api/10.0.0.11:8000       this server
  simplon ready api                      all servers of the upstream api";

/// Take servers out of service, without health checks
///
/// They get no new request, not even of clients that stick to them, nor as the last resort; what is
/// under way goes on. `simplon drain --wait` before it is gentler. When no server is left, requests are
/// refused with 503.
#[derive(Debug, Args)]
#[command(after_help = MAINT, after_long_help = format!("{MAINT}\n\n{NAMING}"))]
pub(super) struct Maint {
    #[command(flatten)]
    servers: Servers,
}

const MAINT: &str = "\
Examples:
  simplon maint api/10.0.0.11:8000       before the machine goes away
  simplon ready api/10.0.0.11:8000       when it is back";

/// Give servers another share of the requests
///
/// From the next request on. With 0 a server takes nothing new, as with `drain`; the weights of an
/// upstream are compared with each other.
#[derive(Debug, Args)]
#[command(after_help = WEIGHT, after_long_help = format!("{WEIGHT}\n\n{NAMING}"))]
pub(super) struct Weigh {
    #[command(flatten)]
    servers: Servers,
    /// 0 to 256, or `default` for the configured one
    #[arg(value_parser = weight)]
    weight: Share,
}

const WEIGHT: &str = "\
Examples:
  simplon weight api/10.0.0.11:8000 10         a tenth of a server that has 100
  simplon weight api 1                         all the same
  simplon weight api/10.0.0.11:8000 default    as the configuration says";

/// The servers that a command is about.
#[derive(Clone, Debug, Args)]
pub(super) struct Servers {
    /// UPSTREAM/SERVER, or UPSTREAM or UPSTREAM/* for all of its servers
    #[arg(value_name = "SERVER", required = true)]
    pub(super) servers: Vec<String>,
    #[command(flatten)]
    pub(super) process: Socket,
}

/// None is the configured one. Named, so that it is one value on the command line.
#[derive(Clone, Copy, Debug)]
struct Share(Option<Weight>);

fn weight(text: &str) -> Result<Share, String> {
    if text == "default" {
        return Ok(Share(None));
    }
    let weight = text.parse::<u16>().ok();
    weight
        .and_then(|weight| Weight::try_from(weight).ok())
        .map(|weight| Share(Some(weight)))
        .ok_or_else(|| "a weight is 0 to 256, or `default`".to_owned())
}

impl Ready {
    pub(super) fn execute(&self) -> u8 {
        exit_status(self.servers.order(Order::Ready).as_ref())
    }
}

impl Maint {
    pub(super) fn execute(&self) -> u8 {
        exit_status(self.servers.order(Order::Maint).as_ref())
    }
}

impl Weigh {
    pub(super) fn execute(&self) -> u8 {
        let Share(weight) = self.weight;
        let servers = self.servers.servers.clone();
        exit_status(
            self.servers
                .ask(&Command::Weight { servers, weight })
                .as_ref(),
        )
    }
}

impl Servers {
    /// Gives the order and says what became of each server. Nothing if it was refused or nobody heard it.
    pub(super) fn order(&self, order: Order) -> Option<Asked> {
        let servers = self.servers.clone();
        self.ask(&Command::Order { servers, order })
    }

    fn ask(&self, command: &Command) -> Option<Asked> {
        let answer = self.process.ask(command, ready(()))?;
        if !answer.ok {
            tell(format_args!(
                "{}\nnothing is changed",
                lines(&answer.message)
            ));
            return None;
        }
        print(lines(&answer.message));
        Some(answer)
    }
}

fn exit_status(done: Option<&Asked>) -> u8 {
    u8::from(done.is_none())
}
