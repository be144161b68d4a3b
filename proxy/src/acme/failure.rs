//! Why there is no certificate yet, in words that an operator can act on.

use std::{io, time::SystemTime};

use instant_acme::Error;

/// Who is at fault, and when it makes sense to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
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
    /// The CA found one-time numbers used up again and again; the same at once may go well.
    Nonce,
    /// The account is unknown to the CA.
    Account,
    /// Our limits keep us from asking.
    Limited,
    /// This machine: a disk that is full, a hook that fails.
    Ours,
}

impl Failure {
    pub fn ours(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            fault: Fault::Ours,
            not_before: None,
        }
    }

    pub fn refused(words: impl Into<String>) -> Self {
        Self {
            fault: Fault::Refused,
            ..Self::ours(words)
        }
    }

    pub fn unreachable(words: impl Into<String>) -> Self {
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
                    Some("serverInternal") => Fault::Unreachable,
                    _ => Fault::Refused,
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
            words: format!("{doing}: {words}"),
            fault,
            not_before: None,
        }
    }

    pub fn disk(what: &str, error: &io::Error) -> Self {
        Self::ours(format!("{what}: {error}"))
    }
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
}
