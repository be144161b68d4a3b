//! Refusals as Pingora's errors, and Pingora's errors as refusals: who is at fault?

use std::io;

use pingora::{Error, ErrorSource, ErrorType, RetryType};

use crate::{
    balance::{self, Failure},
    config::model::Timeouts,
    respond::Refusal,
    tls,
};

/// A refusal on its way through Pingora to the page.
pub(super) fn refuse(refusal: Refusal) -> Box<Error> {
    let kind = ErrorType::HTTPStatus(refusal.status().as_u16());
    Error::because(kind, refusal.label(), refusal)
}

impl Refusal {
    /// The refusal an error stands for: ours if it carries one, else by whose side failed and how.
    pub(super) fn of(error: &Error) -> Self {
        ours(error).unwrap_or_else(|| match error.esource() {
            ErrorSource::Upstream if is_exhaustion(error) => Self::Exhausted,
            ErrorSource::Upstream => of_server(error.etype()),
            ErrorSource::Downstream => of_client(error.etype()),
            ErrorSource::Internal | ErrorSource::Unset => Self::Internal,
        })
    }
}

fn ours(error: &Error) -> Option<Refusal> {
    let cause = error.root_cause();
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return Some(*refusal);
    }
    let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref::<Refusal>().copied()
}

fn of_server(kind: &ErrorType) -> Refusal {
    match kind {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => Refusal::ConnectTimeout,
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::ConnectProxyFailure
        | ErrorType::BindError
        | ErrorType::SocketError
        | ErrorType::AcceptError
        | ErrorType::TLSHandshakeFailure
        | ErrorType::InvalidCert
        | ErrorType::HandshakeError => Refusal::ConnectFailed,
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Refusal::ServerTimeout,
        ErrorType::InvalidHTTPHeader
        | ErrorType::InvalidH2
        | ErrorType::H2Error
        | ErrorType::H1Error => Refusal::ServerMalformed("the lane cannot read it"),
        ErrorType::InternalError | ErrorType::UnknownError => Refusal::Internal,
        _ => Refusal::ServerReset,
    }
}

fn of_client(kind: &ErrorType) -> Refusal {
    match kind {
        ErrorType::ReadTimedout => Refusal::BodyTimeout,
        // Only a stream of HTTP/2 has this one: for HTTP/1 it is the connection that stands still.
        ErrorType::WriteTimedout => Refusal::WindowTimeout,
        ErrorType::InvalidHTTPHeader => Refusal::Malformed("the header is not valid"),
        _ => Refusal::ClientGone,
    }
}

/// What an error of a server's side counts as; `None` if it is not the server's.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    if *error.esource() != ErrorSource::Upstream {
        return None;
    }
    let refusal = match ours(error) {
        None => of_server(error.etype()),
        // A connection of ours raised it.
        Some(refusal @ (Refusal::ServerTimeout | Refusal::ServerMalformed(_))) => refusal,
        Some(_) => return None,
    };
    Some(match refusal {
        Refusal::ConnectFailed | Refusal::ConnectTimeout => Failure::Connect,
        Refusal::ServerTimeout => Failure::Timeout,
        // With HTTP/2 it is often the connection that is in trouble, not the response.
        Refusal::ServerMalformed(_) if !is_of_h2(error.etype()) => Failure::Malformed,
        _ => Failure::Reset,
    })
}

fn is_of_h2(kind: &ErrorType) -> bool {
    matches!(kind, ErrorType::InvalidH2 | ErrorType::H2Error)
}

/// Whether a server could not be reached for want of something of ours.
pub(super) fn is_exhaustion(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref();
    cause.is_some_and(balance::is_exhaustion)
}

/// Whether the server closed the connection rather than that it said something wrong.
pub(super) fn is_close(error: &Error) -> bool {
    match error.etype() {
        ErrorType::ConnectionClosed => true,
        ErrorType::ReadError | ErrorType::WriteError => {
            let cause = error.root_cause().downcast_ref::<io::Error>();
            cause.is_none_or(|error| tls::reason(error).is_none())
        }
        // A goodbye of HTTP/2, or a request that came after it (RFC 9113 section 8.7).
        ErrorType::H2Error => error.retry == RetryType::Decided(true),
        _ => false,
    }
}

/// What a server with TLS did wrong, in plain words; nothing if it has not to do with TLS.
pub(super) fn reason(error: &Error, timeouts: &Timeouts) -> Option<String> {
    match error.etype() {
        ErrorType::ConnectTimedout => {
            let connect = timeouts.connect;
            Some(format!("no connection and handshake within {connect:?}"))
        }
        // The cause is in plain words already.
        ErrorType::TLSHandshakeFailure => Some(error.root_cause().to_string()),
        _ => tls::reason(error.root_cause().downcast_ref()?),
    }
}

/// A refusal that a stream of ours raises while Pingora reads from it.
impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::BodyTimeout | Refusal::ServerTimeout => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, refusal)
    }
}
