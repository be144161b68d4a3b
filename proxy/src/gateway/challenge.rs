//! A CA's question at a plain listener: the challenge http-01 (RFC 8555 section 8.3).
//!
//! Once a certificate is obtained by ACME the path is ours on every plain listener and for every host, before
//! redirects and routes: a question that nobody has put to us gets 404 and reaches no server. It switches
//! off nothing else, since only a token at issue, for the very host, is answered.

use http::StatusCode;

use super::exchange::Admitted;
use crate::{
    respond::{Answer, Refusal},
    snapshot::Snapshot,
};

const PATH: &str = "/.well-known/acme-challenge/";

/// The token that is asked for, if this is such a question.
pub(super) fn token<'a>(admitted: &'a Admitted, snapshot: &Snapshot) -> Option<&'a str> {
    let is_plain = admitted.connection.listener.settings.tls.is_none();
    let is_ours = is_plain && snapshot.answers.is_some();
    admitted.path.strip_prefix(PATH).filter(|_| is_ours)
}

pub(super) async fn answer(
    host: &str,
    token: &str,
    snapshot: &Snapshot,
) -> Result<Answer, Refusal> {
    let answers = snapshot.answers.as_ref().ok_or(Refusal::NoChallenge)?;
    match answers.http(host, token).await {
        Some(authorization) => Ok(Answer::fixed(StatusCode::OK, &authorization)),
        None => Err(Refusal::NoChallenge),
    }
}
