//! The command line: what can be asked for, and the help that teaches it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::address::Bind;

const EXAMPLES: &str = "\
Examples:
  One server, reachable from this machine only:
    simplon-app serve --bind 127.0.0.1:9001 --data ./data

  Two servers behind Simplon, the first with metrics for Prometheus:
    simplon-app serve --bind 127.0.0.1:9001 --data ./data-1 --metrics 127.0.0.1:9101
    simplon-app serve --bind 127.0.0.1:9002 --data ./data-2

  On a Unix socket, and patient with slow work when it is told to stop:
    simplon-app serve --bind unix:/run/simplon-app.sock --data ./data --drain-timeout 2m

Try it:
  curl http://127.0.0.1:9001/api/health/ready
  curl 'http://127.0.0.1:9001/api/echo?delay_ms=500&status=503'

Signals:
  TERM or INT   turn readiness red, stop accepting, finish what is in flight, exit 0
  a second one  stop at once, exit 1";

/// Simplon's application server: an API and a front end in one binary.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the front end until told to stop.
    #[command(after_help = EXAMPLES)]
    Serve(Serve),
}

#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Where to listen: an address and a port (port 0: any that is free), or unix: and a path.
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Bind,

    /// Where data is kept. Created for this user alone (mode 0700) if it is missing.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Show metrics for Prometheus at /metrics of this address; never on the public one.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,

    /// How long to keep accepting with readiness already red, so that a load balancer looks away first.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub drain_delay: Duration,

    /// How long requests in flight may take to finish after that; then they are cut off.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub drain_timeout: Duration,

    /// Drain and stop when standard input closes, as it does when the process that started this one ends.
    #[arg(long)]
    pub until_stdin_closes: bool,
}

/// The longest time an option takes: a day. Longer is a slip of the hand.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `500ms`, `30s`, `2m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let ms = number
        .parse::<u64>()
        .ok()
        .zip(unit_ms)
        .and_then(|(number, unit_ms)| number.checked_mul(unit_ms));
    ms.map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| {
            "give a whole number and a unit, at most 24h: 500ms, 30s, 2m or 1h".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_duration_is_a_whole_number_with_a_unit() {
        let cases = [
            ("0s", Some(0)),
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("2m", Some(120_000)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("30", None),
            ("s", None),
            ("", None),
            ("1.5s", None),
            ("-1s", None),
            ("1 s", None),
        ];
        for (text, expected_ms) in cases {
            assert_eq!(
                duration(text).ok(),
                expected_ms.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }
}
