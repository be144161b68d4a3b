//! What newcomers are told: where to begin, and what they may have meant.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::USAGE;

/// Of a command line that says nothing.
pub(super) const HERE: &str = "\
Simplon is an edge reverse proxy and load balancer. Begin with one of these:

  simplon up                                    try the whole stack here
  simplon run --from :8080 --to 127.0.0.1:3000  a proxy without a file
  simplon run -c FILE                           serve what a file says

`simplon --help` shows every command, `simplon COMMAND --help` examples of one.";

/// What other programs call what a command of ours does.
const ELSEWHERE: [(&str, &str); 10] = [
    ("adapt", "check"),
    ("certificates", "cert"),
    ("certs", "cert"),
    ("configtest", "check"),
    ("restart", "reload"),
    ("serve", "run"),
    ("start", "run"),
    ("test", "check"),
    ("validate", "check"),
    ("verify", "check"),
];

/// Prints what is wrong with a command line, or the help it asks for; gives the exit status. `first` is its first word.
pub(super) fn explain(mut error: clap::Error, first: Option<&str>) -> ExitCode {
    let tip = match (error.kind(), first) {
        (ErrorKind::InvalidSubcommand, Some(word)) => called_elsewhere(word),
        (ErrorKind::UnknownArgument, Some(word)) if word.starts_with('-') => {
            Some("a command comes first, as in 'simplon run -c FILE'".to_owned())
        }
        _ => None,
    };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    // Who cannot be told anything has the exit status.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

fn called_elsewhere(word: &str) -> Option<String> {
    let found = ELSEWHERE.iter().find(|(name, _)| *name == word);
    found.map(|(name, ours)| format!("what other programs call '{name}' is 'simplon {ours}' here"))
}
