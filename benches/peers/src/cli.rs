//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::row::Row;

/// Measures what a request costs Simplon, nginx, HAProxy and Caddy: the same work, on the same core, in turns.
///
/// Each proxy has core 0, one worker, the same certificate (ECDSA P-256) and TLS 1.3 with AES-128-GCM and X25519;
/// the load and the server behind it have core 1. What is read is the processor time of the proxy's whole process group,
/// in nanoseconds, divided by the requests that were answered. A round in which others used the machine is refused and repeated.
/// Peers that are not installed are left out, and the report says so. On Debian:
/// apt-get install nginx haproxy caddy wrk nghttp2-client libnginx-mod-http-brotli-filter strace
#[derive(Debug, Parser)]
#[command(name = "simplon-peers", max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How many rounds count; in each, every proxy has one turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=101))]
    pub rounds: u32,

    /// What to measure, separated by commas; all if left out
    #[arg(long, value_delimiter = ',', value_enum)]
    pub rows: Vec<Row>,

    /// How long each load lasts, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub seconds: u32,

    /// The simplon to measure: a release build
    #[arg(long, default_value = "target/release/simplon")]
    pub simplon: PathBuf,

    /// Another simplon to measure beside it: one that benches/pgo has built
    #[arg(long)]
    pub profiled: Option<PathBuf>,

    /// nginx, if not the one in PATH or /usr/sbin
    #[arg(long)]
    pub nginx: Option<PathBuf>,

    /// HAProxy, if not the one in PATH or /usr/sbin
    #[arg(long)]
    pub haproxy: Option<PathBuf>,

    /// Caddy, if not the one in PATH
    #[arg(long)]
    pub caddy: Option<PathBuf>,

    /// nginx's module for brotli
    #[arg(
        long,
        default_value = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"
    )]
    pub brotli: PathBuf,

    /// A round is refused when others used more than this much of a core, in percent, while a proxy had its turn
    #[arg(long, default_value_t = 5.0)]
    pub calm: f64,

    /// So many refused rounds of a row are repeated
    #[arg(long, default_value_t = 14)]
    pub repeats: u32,

    /// Where scoreboard.json and scoreboard.svg are written
    #[arg(long, default_value = "target/scoreboard")]
    pub out: PathBuf,

    /// Replaces the table between the two markers of this file
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "benches/README.md")]
    pub write_readme: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The null relay: passes bytes on between two sockets and looks at none of them
    Relay { from: SocketAddr, to: SocketAddr },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn left_out_everything_has_its_default() {
        let args = Args::parse_from(["simplon-peers"]);
        assert_eq!((args.rounds, args.seconds, args.rows.len()), (7, 2, 0));
        assert_eq!(args.write_readme, None);
    }

    #[test]
    fn rows_are_separated_by_commas() {
        let args = Args::parse_from(["simplon-peers", "--rows", "h1,tls"]);
        assert_eq!(args.rows, [Row::H1, Row::Tls]);
    }
}
