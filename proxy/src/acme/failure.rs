//! Why there is no certificate yet, in words that an operator can act on.

use std::{io, time::SystemTime};

use instant_acme::Error;

/// Letters of a failure's words at most.
const LONGEST: usize = 500;

/// Who is at fault, and when it makes sense to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One line, whatever the CA has sent, and of bounded length.
    pub words: String,
    pub fault: Fault,
    /// The CA, or our own limits, ask for patience until then.
    pub not_before: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The CA was not reached, or does not work.
    Unreachable,
    /// The CA has said no, and why.
    Refused,
    /// The CA asks for patience: too much was asked of it, or it has too much to do.
    Busy,
    /// The CA found one-time numbers used up again and again; the same at once may go well.
    Nonce,
    /// The account is unknown to the CA.
    Account,
    /// Our limits keep us from asking.
    Limited,
    /// This machine: a disk that is full, a hook that fails.
    Ours,
}

impl Fault {
    /// Of metrics, where alerts are made of it: one of five words that never change.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unreachable | Self::Nonce => "unreachable",
            Self::Refused => "refused",
            Self::Account => "account",
            Self::Busy | Self::Limited => "limited",
            Self::Ours => "ours",
        }
    }
}

impl Failure {
    pub fn ours(words: impl AsRef<str>) -> Self {
        Self {
            words: plain(words.as_ref()),
            fault: Fault::Ours,
            not_before: None,
        }
    }

    pub fn refused(words: impl AsRef<str>) -> Self {
        Self {
            fault: Fault::Refused,
            ..Self::ours(words)
        }
    }

    pub fn unreachable(words: impl AsRef<str>) -> Self {
        Self {
            fault: Fault::Unreachable,
            ..Self::ours(words)
        }
    }

    /// `doing` says what we were about, as in "the account".
    pub fn of(doing: &str, error: &Error) -> Self {
        let (words, fault) = match error {
            Error::Api(problem) => {
                let kind = problem.r#type.as_deref().unwrap_or_default();
                let detail = problem.detail.as_deref().unwrap_or_default();
                let fault = match kind.rsplit(':').next() {
                    Some("accountDoesNotExist") => Fault::Account,
                    // What CAs say when a key has been changed and ours is the old one.
                    Some("malformed") if detail.contains("JWS verification error") => {
                        Fault::Account
                    }
                    Some("badNonce") => Fault::Nonce,
                    Some("rateLimited") => Fault::Busy,
                    Some("serverInternal") => Fault::Unreachable,
                    _ => match problem.status {
                        Some(429 | 503) => Fault::Busy,
                        Some(500..) => Fault::Unreachable,
                        _ => Fault::Refused,
                    },
                };
                (problem.to_string().replacen("API error: ", "", 1), fault)
            }
            Error::Timeout(_) => ("the CA takes too long".to_owned(), Fault::Unreachable),
            Error::Json(error) => (
                format!("the CA's answer is not what RFC 8555 asks for: {error}"),
                Fault::Unreachable,
            ),
            other => (chain(other), Fault::Unreachable),
        };
        Self {
            fault,
            ..Self::ours(format!("{doing}: {words}"))
        }
    }

    pub fn disk(what: &str, error: &io::Error) -> Self {
        Self::ours(format!("{what}: {error}"))
    }
}

/// What others say, made fit for a log, a page and a label: one line, nothing that steers a terminal or the
/// direction of letters, and no more than an operator reads.
pub(super) fn plain(words: &str) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    let mut letters = words
        .chars()
        .map(|letter| if steers(letter) { ' ' } else { letter });
    let mut plain: String = letters.by_ref().take(LONGEST - 1).collect();
    match (letters.next(), letters.next()) {
        (Some(last), None) => plain.push(last),
        (Some(_), Some(_)) => plain.push('…'),
        (None, _) => {}
    }
    plain
}

/// An error with what caused it; HTTP clients keep the reason at the bottom.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let further = error.to_string();
        if !words.contains(&further) {
            words = format!("{words}: {further}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ca_is_quoted() {
        let problem: instant_acme::Problem = serde_json::from_str(
            r#"{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"We do not like bad.example"}"#,
        )
        .unwrap();
        let failure = Failure::of("the order", &Error::Api(problem));
        assert_eq!(
            failure.words,
            "the order: We do not like bad.example (urn:ietf:params:acme:error:rejectedIdentifier)"
        );
        assert_eq!(failure.fault, Fault::Refused);
    }

    #[test]
    fn who_is_at_fault_is_told_by_the_kind_of_problem_or_its_status() {
        for (problem, fault) in [
            (
                r#"{"type":"urn:ietf:params:acme:error:badNonce"}"#,
                Fault::Nonce,
            ),
            (
                r#"{"type":"urn:ietf:params:acme:error:serverInternal"}"#,
                Fault::Unreachable,
            ),
            (
                r#"{"type":"urn:ietf:params:acme:error:rateLimited"}"#,
                Fault::Busy,
            ),
            (
                r#"{"type":"urn:ietf:params:acme:error:accountDoesNotExist"}"#,
                Fault::Account,
            ),
            (r#"{"type":"about:blank","status":503}"#, Fault::Busy),
            (r#"{"status":429}"#, Fault::Busy),
            (r#"{"status":502}"#, Fault::Unreachable),
            (r#"{"status":403}"#, Fault::Refused),
            ("{}", Fault::Refused),
        ] {
            let error = Error::Api(serde_json::from_str(problem).unwrap());
            assert_eq!(Failure::of("ordering", &error).fault, fault, "{problem}");
        }
    }

    #[test]
    fn words_are_one_short_line_whatever_the_ca_sends() {
        let problem = format!(
            r#"{{"type":"x","detail":"no\r\nnext \u001b[31mred\u202e{}"}}"#,
            "ö".repeat(10_000)
        );
        let error = Error::Api(serde_json::from_str(&problem).unwrap());
        let words = Failure::of("ordering", &error).words;
        assert!(
            words.starts_with("ordering: no  next  [31mred ö"),
            "{words}"
        );
        assert_eq!(words.chars().count(), LONGEST);
        assert!(words.ends_with("ö…"), "{words}");
        let whole = "x".repeat(LONGEST);
        assert_eq!(plain(&whole), whole);
        assert_eq!(plain("short"), "short");
    }
}
