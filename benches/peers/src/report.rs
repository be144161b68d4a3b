//! The report: what was measured, on what, and who is ahead; as a table, as JSON and as a plot.

mod digits;
mod line;
mod readme;
mod svg;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    io::{Write as _, stdout},
};

use serde::Serialize;

pub(crate) use self::line::Line;
use crate::{
    cli::Args,
    machine::Host,
    outcome::{In, Outcome},
    peer::{Kind, Peer},
};

#[derive(Debug, Serialize)]
pub(crate) struct Board {
    pub host: Host,
    /// What each program says of itself.
    pub versions: BTreeMap<String, String>,
    /// Peers that are not installed.
    pub absent: Vec<String>,
    pub conditions: Vec<String>,
    pub lines: Vec<Line>,
    /// What a reader has to know of single rows: who was left out, which rounds were refused.
    pub notes: Vec<String>,
}

impl Board {
    pub(crate) fn new(host: Host, peers: &[Peer], absent: &[Kind], args: &Args) -> Self {
        Self {
            host,
            versions: peers
                .iter()
                .map(|peer| (peer.kind.to_string(), peer.version.clone()))
                .collect(),
            absent: absent.iter().map(Kind::to_string).collect(),
            conditions: conditions(args),
            lines: Vec::new(),
            notes: Vec::new(),
        }
    }
}

fn conditions(args: &Args) -> Vec<String> {
    vec![
        format!(
            "medians of {} rounds of {} s, proxies in turns; a round counts if others used at most {} % of a core",
            args.rounds, args.seconds, args.calm
        ),
        "one worker on core 0; load and server on core 1; TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, ECDSA P-256, stateless tickets"
            .to_owned(),
        "every proxy: keep-alive to both sides, X-Forwarded-For, X-Forwarded-Proto and X-Real-IP set, no access log unless the row says so"
            .to_owned(),
        "Simplon as well: a rate limit by client that is never reached, metrics by route and server, and all limits of its listeners"
            .to_owned(),
    ]
}

/// Writes JSON and plot: after each row, so that a run which is interrupted has not been for nothing.
pub(crate) fn keep(board: &Board, args: &Args) -> Outcome<()> {
    fs::create_dir_all(&args.out).while_doing(&args.out.display().to_string())?;
    fs::write(
        args.out.join("scoreboard.json"),
        serde_json::to_string_pretty(board)?,
    )?;
    fs::write(args.out.join("scoreboard.svg"), svg::draw(board))?;
    Ok(())
}

/// Prints the table, and puts it where it was asked for.
pub(crate) fn publish(board: &Board, args: &Args) -> Outcome<()> {
    let table = table::draw(board);
    writeln!(stdout(), "{table}")?;
    if let Some(file) = &args.write_readme {
        let name = file.display().to_string();
        let text = fs::read_to_string(file).while_doing(&name)?;
        fs::write(file, readme::replace(&text, &table).while_doing(&name)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A board of one line, without HAProxy.
    pub(super) fn board() -> Board {
        Board {
            host: Host {
                processor: "EPYC".to_owned(),
                cores: 2,
                kernel: "Linux 6".to_owned(),
                memory_mib: 1024,
            },
            versions: BTreeMap::from([("nginx".to_owned(), "nginx/1.22.1".to_owned())]),
            absent: vec!["HAProxy".to_owned()],
            conditions: vec!["one worker".to_owned()],
            lines: vec![line::tests::line()],
            notes: vec!["H1 plain: 2 rounds were refused".to_owned()],
        }
    }
}
