//! `simplon cert`: which certificates the running process shows, and renewing one of them now.

use std::{
    fmt::Write as _,
    future::ready,
    io::{IsTerminal, Write as _, stderr},
    time::{Duration, Instant, SystemTime},
};

use clap::{Args, Subcommand};

use super::{
    print,
    socket::Socket,
    table::{Give, Row, Side, Table, lines, plain, terminal_width},
    tell,
};
use crate::{
    admin::{CertificateStatus, Moment, Origin, ahead},
    process::Command,
};

/// Show the certificates of the running process, and renew them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Cert {
    #[command(subcommand)]
    command: Action,
}

const EXAMPLES: &str = "\
Examples:
  simplon cert list                  every certificate and what comes next
  simplon cert show example.ch       what clients of this host get
  simplon cert renew example.ch      renew it now, and wait
  simplon cert rollover letsencrypt  give our account at that CA another key";

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every certificate, how long it lasts and what comes next
    List(List),
    /// Show everything known of the certificate that clients of a host get
    Show(Show),
    /// Renew the certificate of a host now
    ///
    /// Waits until it is done. Exit status 0 if it is renewed, 1 if not.
    Renew(Renew),
    /// Give our account at a CA another key
    ///
    /// For when the old one may have leaked. Certificates stay as they are (RFC 8555 section 7.3.5).
    Rollover(Rollover),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simplon cert list
  simplon cert list --json | jq '.[].hosts'")]
struct List {
    #[command(flatten)]
    process: Socket,
    /// Print an array for programs; times are seconds since 1970
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simplon cert show example.ch
  simplon cert show example.ch --json")]
struct Show {
    /// A host name such as example.ch
    host: String,
    #[command(flatten)]
    process: Socket,
    /// Print an array for programs; times are seconds since 1970
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simplon cert rollover letsencrypt")]
struct Rollover {
    /// The name of the CA under `acme` in the configuration, such as letsencrypt
    issuer: String,
    #[command(flatten)]
    process: Socket,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  simplon cert renew example.ch
  simplon cert renew example.ch -c /etc/simplon/simplon.yaml")]
struct Renew {
    /// A host name such as example.ch
    host: String,
    #[command(flatten)]
    process: Socket,
}

impl Cert {
    pub(super) fn execute(&self) -> u8 {
        let done = match &self.command {
            Action::List(list) => list.execute(),
            Action::Show(show) => show.execute(),
            Action::Renew(renew) => renew.execute(),
            Action::Rollover(rollover) => rollover.execute(),
        };
        u8::from(done.is_none())
    }
}

/// Nothing if the process was not reached, which has been told; as with every step of these commands.
fn ask_for_all(process: &Socket) -> Option<Vec<CertificateStatus>> {
    let answer = process.ask(&Command::Certificates, ready(()))?;
    if !answer.ok {
        tell(answer.message);
        return None;
    }
    serde_json::from_value(answer.data)
        .map_err(|error| {
            tell(format_args!(
                "the process is of another version than this command: {error}"
            ));
        })
        .ok()
}

fn print_json(certificates: &[&CertificateStatus]) -> Option<()> {
    let text = serde_json::to_string_pretty(certificates);
    text.map(print).map_err(tell).ok()
}

impl List {
    fn execute(&self) -> Option<()> {
        let certificates = ask_for_all(&self.process)?;
        if self.json {
            return print_json(&certificates.iter().collect::<Vec<_>>());
        }
        if certificates.is_empty() {
            print(
                "there are no certificates\n  hint: they stand under `certificates` in the configuration",
            );
            return Some(());
        }
        print(table(&certificates, SystemTime::now()).show(terminal_width()));
        Some(())
    }
}

fn table(certificates: &[CertificateStatus], now: SystemTime) -> Table<6> {
    let row = |status: &CertificateStatus| {
        let row = status.row(now);
        let mark = if row.default { " (default)" } else { "" };
        Row {
            cells: [
                format!("{}{mark}", few(&row.hosts)),
                row.from,
                row.issued_by,
                row.key,
                row.expires,
                row.next,
            ],
            paint: None,
            notes: row.notes,
        }
    };
    Table {
        columns: [
            ("HOSTS", Give::Cut, Side::Left),
            ("FROM", Give::Cut, Side::Left),
            ("ISSUED BY", Give::Whole, Side::Left),
            ("KEY", Give::Whole, Side::Left),
            ("EXPIRES", Give::Never, Side::Left),
            ("NEXT", Give::Never, Side::Left),
        ],
        rows: certificates.iter().map(row).collect(),
    }
}

/// `a.ch, b.ch and 7 more`.
fn few(hosts: &[String]) -> String {
    const MOST: usize = 3;
    match hosts.get(..MOST - 1) {
        Some(first) if hosts.len() > MOST => {
            format!(
                "{} and {} more",
                first.join(", "),
                hosts.len() - first.len()
            )
        }
        _ => hosts.join(", "),
    }
}

impl Show {
    fn execute(&self) -> Option<()> {
        let certificates = ask_for_all(&self.process)?;
        let mut found = CertificateStatus::for_host(&certificates, &self.host);
        if found.is_empty() {
            found = certificates
                .iter()
                .filter(|status| status.default)
                .collect();
            let host = plain(&self.host);
            if found.is_empty() {
                tell(format_args!(
                    "no certificate is for {host}: its clients are refused\n  hint: `simplon cert list` shows what there is"
                ));
                return None;
            }
            tell(format_args!(
                "no certificate is for {host}: its clients get the default"
            ));
        }
        if self.json {
            return print_json(&found);
        }
        let now = SystemTime::now();
        let texts: Vec<_> = found.iter().map(|status| describe(status, now)).collect();
        print(texts.join("\n\n"));
        Some(())
    }
}

/// One fact a line.
fn describe(status: &CertificateStatus, now: SystemTime) -> String {
    let row = status.row(now);
    let mut text = plain(&row.hosts.join(", "));
    let mut fact = |name: &str, value: &str| {
        // Writing to memory cannot fail.
        let _ = write!(text, "\n  {name:<12} {}", plain(value));
    };
    match &status.from {
        Origin::Files { chain, key } => {
            fact(
                "from",
                &format!("the files {} and {}", chain.display(), key.display()),
            );
        }
        Origin::SelfSigned => fact("from", "the development CA in the state directory"),
        Origin::Acme { issuer, file } => {
            fact("from", &format!("{issuer}, by ACME"));
            fact("kept in", &file.display().to_string());
        }
    }
    if status.default {
        fact(
            "default",
            "for clients that name no host, or one that no certificate is for",
        );
    }
    if let Some(leaf) = &status.shown {
        fact("subject", &leaf.subject);
        fact("names", &leaf.names.join(", "));
        fact("serial", &leaf.serial);
        fact("issued by", &leaf.issuer);
        fact("key", &leaf.key);
        fact("valid from", &leaf.not_before.written());
        fact("valid until", &until(leaf.not_after, now, &row.expires));
    }
    if let Some(window) = &status.window {
        fact(
            "window",
            &format!(
                "{} to {}, as the CA suggests",
                window.begin.written(),
                window.end.written()
            ),
        );
    }
    fact("next", &row.next);
    for note in &row.notes {
        fact("note", note);
    }
    text
}

/// With the time of day, and how long that is from now.
fn until(not_after: Moment, now: SystemTime, expires: &str) -> String {
    let left = Moment::from(now).until(not_after);
    let from_now = match expires.split_once(", ") {
        Some((_, words)) => words.to_owned(),
        None => ahead(left),
    };
    format!("{}, {from_now}", not_after.written())
}

impl Renew {
    fn execute(&self) -> Option<()> {
        let command = Command::Renew {
            host: self.host.clone(),
        };
        let doing = format!("renewing the certificate for {}", plain(&self.host));
        ask_and_wait(&self.process, &command, &doing, "not renewed")
    }
}

impl Rollover {
    fn execute(&self) -> Option<()> {
        let command = Command::RollOver {
            issuer: self.issuer.clone(),
        };
        let doing = format!("changing the key at {}", plain(&self.issuer));
        ask_and_wait(
            &self.process,
            &command,
            &doing,
            "the key is the same as before",
        )
    }
}

/// Asks for what takes its time, with a line on a terminal meanwhile, and says what came of it.
fn ask_and_wait(process: &Socket, command: &Command, doing: &str, in_vain: &str) -> Option<()> {
    let is_watched = stderr().is_terminal();
    let waiting = async {
        if is_watched {
            show_waiting(doing).await;
        }
    };
    let answer = process.ask(command, waiting);
    if is_watched {
        // Off with the line that told of the waiting.
        let _ = write!(stderr(), "\r\x1b[K");
    }
    let answer = answer?;
    if !answer.ok {
        tell(format_args!("{}\n{in_vain}", lines(&answer.message)));
        return None;
    }
    print(lines(&answer.message));
    Some(())
}

/// A line that counts the seconds, for as long as it is polled.
async fn show_waiting(doing: &str) {
    let started = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let seconds = started.elapsed().as_secs();
        // A terminal that went away is no reason to stop.
        let _ = write!(stderr(), "\r{doing}: {seconds} s");
    }
}
