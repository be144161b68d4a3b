//! Who gets to see the page: its users. Without any it shows names, addresses and load to this machine alone.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{View, host};
use crate::balance::Operator;

/// What machines ask for, from elsewhere and without a login: a scraper, a load balancer in front of us.
const FOR_ALL: [&str; 3] = ["/metrics", "/live", "/ready"];

/// What becomes of whoever asks for the page.
#[derive(Clone, Debug)]
pub enum Entry {
    /// May look, as anybody on this machine where no users are configured.
    Visitor,
    /// May look and act.
    User(Operator),
    Refused {
        status: StatusCode,
        /// What to do next.
        field: Option<(HeaderName, HeaderValue)>,
        /// For whoever asks.
        words: &'static str,
    },
}

/// Who has connected; each request of a connection has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Lets those in that [`Entry`] says, and everybody to [`FOR_ALL`]. Who is a user goes along with the request.
pub(super) async fn guard(State(view): State<View>, mut request: Request, next: Next) -> Response {
    if is_for_all(request.uri().path()) {
        return next.run(request).await;
    }
    let peer = request.extensions().get();
    let Some(peer) = peer.map(|Peer(address): &Peer| address.ip().to_canonical()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response(); // every connection has one
    };
    match view.enter(peer, request.headers()).await {
        // Behind any other than a loopback listener names are not looked at before; but here nothing is asked for
        // that another site does not have.
        Entry::Visitor if !host::calls_us(&request) => return host::misdirected(),
        Entry::Visitor => {}
        Entry::User(user) => drop(request.extensions_mut().insert(user)),
        Entry::Refused {
            status,
            field,
            words,
        } => {
            let mut answer = (status, format!("{words}\n")).into_response();
            answer.headers_mut().extend(field);
            return answer;
        }
    }
    next.run(request).await
}

fn is_for_all(path: &str) -> bool {
    FOR_ALL.contains(&path)
}

impl Entry {
    /// Where no users are configured, of a client that has come by this peer.
    pub fn without_users(peer: IpAddr, client: IpAddr) -> Self {
        if peer.is_loopback() && client.is_loopback() {
            return Self::Visitor;
        }
        Self::not_here()
    }

    /// The page is not for whoever this is.
    pub const fn not_here() -> Self {
        Self::Refused {
            status: StatusCode::FORBIDDEN,
            field: None,
            words: "The page is for clients on this machine, unless `admin` names its users. \
                    /metrics, /live and /ready are for all.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_machines_ask_for_is_for_all() {
        for path in ["/metrics", "/live", "/ready"] {
            assert!(is_for_all(path), "{path}");
        }
        for path in [
            "/",
            "/stats",
            "/stats;csv",
            "/stats.css",
            "/stats/events",
            "/metrics/",
            "/metrics;csv",
            "/metrics/../stats",
            "",
        ] {
            assert!(!is_for_all(path), "{path}");
        }
    }

    #[test]
    fn without_users_the_page_is_for_this_machine_and_not_for_whom_it_passes_on() {
        let (here, elsewhere) = ([127, 0, 0, 1].into(), [10, 0, 0, 7].into());
        let is_visitor = |peer, client| {
            let entry = Entry::without_users(peer, client);
            matches!(entry, Entry::Visitor)
        };
        assert!(is_visitor(here, here));
        assert!(!is_visitor(elsewhere, elsewhere));
        assert!(!is_visitor(here, elsewhere), "by a proxy on this machine");
        assert!(!is_visitor(elsewhere, here), "claimed by a proxy elsewhere");
    }
}
