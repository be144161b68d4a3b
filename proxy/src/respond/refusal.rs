//! Every reason the proxy answers for itself.

use http::StatusCode;

use crate::route::Methods;

/// Why a request gets an answer of ours. The label of each is its name in metrics and the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The message breaks the protocol; what about it, in a few words.
    Malformed(&'static str),
    NoRoute,
    /// The path has routes, but not for this method; these are the ones it has.
    MethodNotAllowed(Methods),
    HeaderTimeout,
    BodyTimeout,
    BodyTooLarge,
    UriTooLong,
    HeaderTooLarge,
    /// The host is not covered by the connection's certificate.
    Misdirected,
    /// One client holds too many connections.
    TooManyConnections,
    ConnectFailed,
    ConnectTimeout,
    /// The server closed or reset the connection before its response was complete.
    ServerReset,
    /// The server's response breaks the protocol.
    ServerMalformed,
    ServerTimeout,
    /// No server of the upstream can be used.
    NoServer,
    /// Every usable server of the upstream is at its `max_connections`.
    Saturated,
    /// The client went away; nobody reads an answer.
    ClientGone,
    /// A fault of ours.
    Internal,
}

impl Refusal {
    /// The status of the answer. 499 is nginx's for a client that went away; it is only logged.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeaderTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyConnections => StatusCode::TOO_MANY_REQUESTS,
            Self::ConnectFailed | Self::ServerReset | Self::ServerMalformed => {
                StatusCode::BAD_GATEWAY
            }
            Self::NoServer | Self::Saturated => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout | Self::ServerTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientGone => CLIENT_CLOSED_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
