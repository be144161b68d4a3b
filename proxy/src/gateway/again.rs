//! Again: may another server try?

use std::time::Instant;

use http::{Method, StatusCode};

use super::{Exchange, exchange::Kept};
use crate::{
    balance::{Attempt, Failure, Sent, is_idempotent},
    observe::Milestone,
    respond::Refusal,
};

/// What a lane knows of a request that may be sent once more.
#[derive(Clone, Copy)]
pub(super) struct Resend<'a> {
    pub(super) method: &'a Method,
    /// What has been sent of the body can be sent again.
    pub(super) body_is_kept: bool,
}

/// What becomes of a response that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The client gets it.
    Respond,
    /// It is thrown away, for another server may do better.
    Again,
}

/// Statuses by which a server, or what stands behind it, says that it cannot serve at all.
fn is_server_trouble(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

impl Exchange {
    /// A final response has begun.
    pub(super) fn judge(&mut self, status: StatusCode, resend: Resend<'_>, now: Instant) -> Next {
        let Some(pick) = &self.pick else {
            return Next::Respond;
        };
        if !is_server_trouble(status) {
            pick.succeeded(now);
            return Next::Respond;
        }
        let failure = Failure::Status(status);
        pick.failed(failure, now);
        if self.may_go_again(resend, failure, now) {
            Next::Again
        } else {
            Next::Respond
        }
    }

    /// Decides on another try, and spends from the budget if there is to be one.
    pub(super) fn may_go_again(
        &mut self,
        resend: Resend<'_>,
        failure: Failure,
        now: Instant,
    ) -> bool {
        let Some(pick) = &self.pick else {
            return false;
        };
        if !pick.upstream().has_untried(&self.tries.servers) {
            return false;
        }
        let again = pick.upstream().again(&self.attempt(resend, failure), now);
        if again {
            self.tries.failed = Some(failure.into());
            self.note_retry(now, failure.label());
        }
        again
    }

    /// Whether the server closed a connection that we had kept just as the request came. It is no failure then:
    /// the same server is asked once more, on a new connection, as RFC 9112 section 9.3.1 lets us for what is
    /// idempotent. No retry of the configuration is spent, as nothing went wrong.
    ///
    /// `is_close`: the server closed rather than that it said something wrong.
    pub(super) fn goes_back(
        &mut self,
        resend: Resend<'_>,
        failure: Failure,
        is_close: bool,
    ) -> bool {
        let goes_back = failure == Failure::Reset
            && is_close
            && self.tally.answered.is_none()
            && self.attempt(resend, failure).is_repeatable();
        if goes_back {
            self.tries.kept = Kept::Closed;
            self.note_retry(Instant::now(), "closed");
        }
        goes_back
    }

    fn attempt(&self, resend: Resend<'_>, failure: Failure) -> Attempt {
        let sent = match (self.tries.head_sent, self.tries.body_sent) {
            (false, _) => Sent::Nothing,
            (true, false) => Sent::Head,
            (true, true) => Sent::Body {
                kept: resend.body_is_kept,
            },
        };
        Attempt {
            failure,
            sent,
            idempotent: is_idempotent(resend.method),
            tries: self.tries.count,
        }
    }

    /// Notes that the server of this try is given up.
    fn note_retry(&mut self, at: Instant, failure: &'static str) {
        if let (Some(trace), Some(pick)) = (&mut self.trace, &self.pick) {
            let server = &pick.server().label;
            trace.note(at, || Milestone::Retry {
                server: server.clone(),
                failure,
            });
        }
    }
}

/// What a client is told of a failure that no other server made good.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connect => Self::ConnectFailed,
            Failure::Reset => Self::ServerReset,
            Failure::Timeout => Self::ServerTimeout,
            Failure::Malformed => Self::ServerMalformed("as another server's before"),
            Failure::Status(_) => Self::NoServer,
        }
    }
}
