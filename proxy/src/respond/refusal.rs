//! Every reason the proxy answers for itself.

use std::fmt;

use http::StatusCode;

use crate::{observe::Blame, route::Methods};

/// Why a request gets an answer of ours. The label of each is its name in metrics and the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The message breaks the protocol; what about it, in a few words.
    Malformed(&'static str),
    NoRoute,
    /// A CA's question (ACME http-01) that nobody is waiting for.
    NoChallenge,
    /// The path has routes, but not for this method; these are the ones it has.
    MethodNotAllowed(Methods),
    /// The client's network is not let in here.
    AccessDenied,
    /// The client's country is not let in here. Not 451: no law asks for it, and that status is to say whose (RFC 7725).
    CountryDenied,
    /// A rule refuses such requests; which one.
    Blocked(&'static str),
    HeaderTimeout,
    BodyTimeout,
    BodyTooLarge,
    UriTooLong,
    HeaderTooLarge,
    /// The host is not covered by the connection's certificate.
    Misdirected,
    /// One client holds too many connections.
    TooManyConnections,
    /// A rate limit is exceeded; the seconds until the request would pass.
    RateLimited(u32),
    /// Too many requests are under way, of those that a limit counts together.
    TooManyInFlight,
    /// The route asks for a name and a password, and those given are none that are good.
    Unauthenticated,
    /// The client has given wrong passwords too often.
    TooManyFailures,
    /// More passwords wait to be checked than can be in time.
    LoginsCrowded,
    /// Whoever decides whether the request may pass gave no sound answer; what was wrong, in a few words.
    AuthUnavailable(&'static str),
    ConnectFailed,
    ConnectTimeout,
    /// The server closed or reset the connection before its response was complete.
    ServerReset,
    /// The server's response breaks the protocol; what about it, in a few words.
    ServerMalformed(&'static str),
    ServerTimeout,
    /// No server of the upstream can be used.
    NoServer,
    /// Every usable server of the upstream is at its `max_connections`.
    Saturated,
    /// So is it, and as many requests wait as may.
    QueueFull,
    /// So is it, and no place came free in time.
    QueueTimeout,
    /// The store by which nodes share limits does not answer, and the configuration says `on_failure: refuse`.
    LimitsStore,
    /// We have no descriptor, port or memory left to reach a server with.
    Exhausted,
    /// The client did not open the window of its HTTP/2 stream for what it asked for.
    WindowTimeout,
    /// The client does not read, or too slowly.
    WriteTimeout,
    /// The answer has no length, and the client knows no chunks.
    OldClient,
    /// The client went away; nobody reads an answer.
    ClientGone,
    /// A fault of ours.
    Internal,
}

/// nginx's status for a client that went away before its answer; it is only logged.
pub const CLIENT_CLOSED_REQUEST: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::BAD_REQUEST,
};

impl Refusal {
    /// One of each kind, in the order of the declaration.
    pub const ALL: [Self; 36] = [
        Self::Malformed("malformed"),
        Self::NoRoute,
        Self::NoChallenge,
        Self::MethodNotAllowed(Methods::none()),
        Self::AccessDenied,
        Self::CountryDenied,
        Self::Blocked("common_probes"),
        Self::HeaderTimeout,
        Self::BodyTimeout,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::HeaderTooLarge,
        Self::Misdirected,
        Self::TooManyConnections,
        Self::RateLimited(1),
        Self::TooManyInFlight,
        Self::Unauthenticated,
        Self::TooManyFailures,
        Self::LoginsCrowded,
        Self::AuthUnavailable("unavailable"),
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::ServerReset,
        Self::ServerMalformed("malformed"),
        Self::ServerTimeout,
        Self::NoServer,
        Self::Saturated,
        Self::QueueFull,
        Self::QueueTimeout,
        Self::LimitsStore,
        Self::Exhausted,
        Self::WindowTimeout,
        Self::WriteTimeout,
        Self::OldClient,
        Self::ClientGone,
        Self::Internal,
    ];

    /// The label of each kind, for metrics that are bound before anything is refused.
    pub fn labels() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::label)
    }

    /// What about it, in a few words, where the label does not say all.
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Malformed(what)
            | Self::ServerMalformed(what)
            | Self::Blocked(what)
            | Self::AuthUnavailable(what) => Some(what),
            _ => None,
        }
    }

    /// What the client is told: what it can mend, and nothing of what stands behind us.
    pub const fn for_client(self) -> &'static str {
        match self {
            Self::Malformed(what) => what,
            Self::NoRoute | Self::NoChallenge => "There is nothing at this address.",
            Self::MethodNotAllowed(_) => "This address does not take that method.",
            Self::AccessDenied => "This address is not open to your network.",
            Self::CountryDenied => "This address is not open to your country.",
            Self::Blocked(_) => "This request is not taken here.",
            Self::HeaderTimeout | Self::BodyTimeout => "The request did not arrive in time.",
            Self::BodyTooLarge => "The body of the request is too large.",
            Self::UriTooLong => "The address is too long.",
            Self::HeaderTooLarge => "The header of the request is too large.",
            Self::Misdirected => "This connection is not for that host.",
            Self::TooManyConnections => "There are too many connections from your address.",
            Self::RateLimited(_) => "There were too many requests. Please slow down.",
            Self::TooManyInFlight => {
                "There are too many requests at a time. Please wait for some to end."
            }
            Self::Unauthenticated => "This address asks for a name and a password.",
            Self::TooManyFailures => {
                "There were too many wrong passwords from your address. Please try again later."
            }
            Self::AuthUnavailable(_) => {
                "Whether you may see this could not be found out. Please try again shortly."
            }
            Self::ConnectFailed | Self::ServerReset | Self::ServerMalformed(_) => {
                "The server behind this address gave no usable answer."
            }
            Self::ConnectTimeout | Self::ServerTimeout => {
                "The server behind this address did not answer in time."
            }
            Self::LoginsCrowded
            | Self::NoServer
            | Self::Saturated
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::LimitsStore
            | Self::Exhausted => "The service is not available just now. Please try again shortly.",
            Self::OldClient => "This address needs HTTP/1.1 or newer.",
            Self::WindowTimeout | Self::WriteTimeout | Self::ClientGone | Self::Internal => {
                "The request could not be completed."
            }
        }
    }

    /// Whether the client's connection is in order after this refusal, once the body has been read.
    pub const fn keeps_connection(self) -> bool {
        !matches!(
            self,
            Self::Malformed(_)
                | Self::HeaderTimeout
                | Self::BodyTimeout
                | Self::BodyTooLarge
                | Self::UriTooLong
                | Self::HeaderTooLarge
                | Self::TooManyConnections
                | Self::WindowTimeout
                | Self::WriteTimeout
                | Self::ClientGone
                | Self::Internal
        )
    }

    /// The name in metrics and the access log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NoRoute => "no_route",
            Self::NoChallenge => "no_challenge",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::AccessDenied => "access_denied",
            Self::CountryDenied => "country_denied",
            Self::Blocked(_) => "blocked",
            Self::HeaderTimeout => "header_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::HeaderTooLarge => "header_too_large",
            Self::Misdirected => "misdirected",
            Self::TooManyConnections => "too_many_connections",
            Self::RateLimited(_) => "rate_limited",
            Self::TooManyInFlight => "too_many_in_flight",
            Self::Unauthenticated => "unauthenticated",
            Self::TooManyFailures => "too_many_failures",
            Self::LoginsCrowded => "logins_crowded",
            Self::AuthUnavailable(_) => "auth_unavailable",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::ServerReset => "server_reset",
            Self::ServerMalformed(_) => "server_malformed",
            Self::ServerTimeout => "server_timeout",
            Self::NoServer => "no_server",
            Self::Saturated => "saturated",
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::LimitsStore => "limits_store",
            Self::Exhausted => "exhausted",
            Self::WindowTimeout => "window_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::OldClient => "old_client",
            Self::ClientGone => "client_gone",
            Self::Internal => "internal",
        }
    }

    /// Who is at fault. `begun`: the client has the beginning of a server's response.
    pub const fn blame(self, begun: bool) -> Blame {
        match self {
            Self::AccessDenied
            | Self::CountryDenied
            | Self::Blocked(_)
            | Self::TooManyConnections
            | Self::RateLimited(_)
            | Self::TooManyInFlight
            | Self::Unauthenticated
            | Self::TooManyFailures
            | Self::LoginsCrowded => Blame::Policy,
            Self::Malformed(_)
            | Self::NoRoute
            | Self::NoChallenge
            | Self::MethodNotAllowed(_)
            | Self::HeaderTimeout
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::UriTooLong
            | Self::HeaderTooLarge
            | Self::Misdirected
            | Self::OldClient => Blame::Request,
            Self::WindowTimeout | Self::WriteTimeout | Self::ClientGone => Blame::Client,
            Self::ConnectFailed
            | Self::ConnectTimeout
            | Self::NoServer
            | Self::Saturated
            | Self::QueueFull
            | Self::QueueTimeout => Blame::Unreached,
            Self::ServerReset | Self::ServerMalformed(_) | Self::ServerTimeout if begun => {
                Blame::Cut
            }
            Self::ServerReset | Self::ServerMalformed(_) | Self::ServerTimeout => Blame::Response,
            Self::AuthUnavailable(_) | Self::LimitsStore | Self::Exhausted | Self::Internal => {
                Blame::Us
            }
        }
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoRoute | Self::NoChallenge => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::AccessDenied | Self::CountryDenied | Self::Blocked(_) => StatusCode::FORBIDDEN,
            Self::HeaderTimeout | Self::BodyTimeout | Self::WindowTimeout | Self::WriteTimeout => {
                StatusCode::REQUEST_TIMEOUT
            }
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            // Not 503: it is the client who does too much, and no other server would do.
            Self::TooManyConnections
            | Self::RateLimited(_)
            | Self::TooManyInFlight
            | Self::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::AuthUnavailable(_)
            | Self::ConnectFailed
            | Self::ServerReset
            | Self::ServerMalformed(_) => StatusCode::BAD_GATEWAY,
            Self::LoginsCrowded
            | Self::NoServer
            | Self::Saturated
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::LimitsStore
            | Self::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout | Self::ServerTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::OldClient => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::ClientGone => CLIENT_CLOSED_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// One sentence for the log.
impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed(reason) => return write!(f, "the request is malformed: {reason}"),
            Self::NoChallenge => "no challenge with this token is at issue for this host",
            Self::NoRoute => "no route leads anywhere for this host and path",
            Self::MethodNotAllowed(methods) => {
                return write!(f, "the path takes only the methods {methods}");
            }
            Self::AccessDenied => "the client's network is not let in on this route",
            Self::CountryDenied => "the client's country is not let in on this route",
            Self::Blocked(rule) => return write!(f, "the request is blocked by {rule}"),
            Self::HeaderTimeout => "the client did not complete its header in time",
            Self::BodyTimeout => "the client stopped sending its body, or sends it too slowly",
            Self::BodyTooLarge => "the body is larger than the listener takes",
            Self::UriTooLong => "the request target is longer than the listener takes",
            Self::HeaderTooLarge => "the header is larger than the listener takes",
            Self::Misdirected => "the host is not covered by the connection's certificate",
            Self::TooManyConnections => "the client holds too many connections",
            Self::RateLimited(after_s) => {
                return write!(f, "a rate limit is exceeded for another {after_s} s");
            }
            Self::TooManyInFlight => "too many requests are under way at a time",
            Self::Unauthenticated => "the client has not shown a good name and password",
            Self::TooManyFailures => "the client has given too many wrong passwords",
            Self::LoginsCrowded => "too many passwords wait to be checked",
            Self::AuthUnavailable(reason) => {
                return write!(f, "whether the request may pass is not known: {reason}");
            }
            Self::ConnectFailed => "no connection to the server could be opened",
            Self::ConnectTimeout => "the server did not take the connection in time",
            Self::ServerReset => "the server broke off before its response was complete",
            Self::ServerMalformed(reason) => {
                return write!(f, "the server's response breaks the protocol: {reason}");
            }
            Self::ServerTimeout => "the server did not respond in time",
            Self::NoServer => "no server of the upstream can be used",
            Self::Saturated => "every usable server is at its limit of connections",
            Self::QueueFull => "as many requests wait for a server as may",
            Self::QueueTimeout => "no server had a place for the request in time",
            Self::LimitsStore => "the store that limits are kept in does not answer",
            Self::Exhausted => "nothing is left to reach a server with",
            Self::WindowTimeout => "the client did not open its window for the answer",
            Self::WriteTimeout => "the client did not take the answer in time",
            Self::OldClient => {
                "the answer has no length, and the client of HTTP/1.0 knows no chunks"
            }
            Self::ClientGone => "the client went away before it was answered",
            Self::Internal => "the proxy failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_label_of_its_own() {
        let labels: HashSet<&str> = Refusal::labels().collect();
        assert_eq!(labels.len(), Refusal::ALL.len());
        for label in labels {
            let snake = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(label.chars().all(snake), "{label}");
        }
    }

    #[test]
    fn every_kind_shows_as_a_sentence_of_its_own() {
        let sentences: HashSet<String> = Refusal::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(sentences.len(), Refusal::ALL.len());
        for sentence in sentences {
            let plain = sentence.starts_with(char::is_lowercase) && !sentence.ends_with('.');
            assert!(plain, "{sentence}");
        }
    }

    #[test]
    fn every_status_is_an_error_and_a_client_that_left_gets_499() {
        for refusal in Refusal::ALL {
            let status = refusal.status().as_u16();
            assert!((400..600).contains(&status), "{refusal}: {status}");
        }
        assert_eq!(Refusal::ClientGone.status().as_u16(), 499);
    }
}
