//! One request and its response in flight.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::RawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    apply,
    coder::Coder,
    fault,
    head::Head,
    loan::Lender,
    watchdog::{Patience, Watchdog},
};
use crate::{
    admit::{Host, RequestId, proxy_header::Ends},
    balance::{Pick, Tried},
    config::model::{Limits, UpstreamProtocol},
    forward::{Fields, ProxyHeader},
    limits::Flight,
    listen::{Carried, Connection, Pace},
    observe::{Milestone, Trace, traces},
    policy::{Applied, Facts, Policies},
    respond::{Answer, Refusal},
    snapshot::{Action, Route, Snapshot},
};
use http::Method;

/// What an exchange carries from stage to stage. Facts of its route and connection are looked up
/// there, not copied.
pub struct Exchange {
    /// What was true when the request began. Never exchanged for a newer one.
    pub snapshot: Arc<Snapshot>,
    /// Set by *admit*.
    pub admitted: Option<Admitted>,
    /// Set by *admit* where traces are sent.
    pub trace: Option<Trace>,
    /// Set by *route*.
    pub route: Option<Arc<Route>>,
    /// Set by *pick*; dropping it ends the server's in-flight count.
    pub pick: Option<Pick>,
    /// Set by *pick* where the connection is lent.
    pub(super) lender: Option<Arc<Lender>>,
    pub tries: Tries,
    /// What the route's policies have made of it so far.
    pub applied: Applied,
    /// Set by *apply*; has the response's body since *respond*.
    pub(super) coder: Coder,
    /// Dropping them counts the exchange out of limits of concurrency.
    pub flights: Vec<Flight>,
    /// Set when the proxy answers for itself.
    pub refusal: Option<Refusal>,
    /// Set when a page of the operator's is sent in the place of what a server says.
    pub(super) stand_in: Option<Answer>,
    pub tally: Tally,
    /// Of the body of a request of HTTP/2, which shares its stream with others.
    pub(super) pace: Pace,
    /// Watches over deadlines that Pingora's one read timeout cannot tell apart.
    pub watchdog: Option<Watchdog>,
}

/// What *admit* found out about a request.
pub struct Admitted {
    pub connection: Arc<Connection>,
    pub carried: Carried,
    pub client: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub trusted: bool,
    pub id: RequestId,
    /// In normal form, without the port; empty for HTTP/1.0 without one.
    pub host: Host<'static>,
    /// In normal form, without the query.
    pub path: Box<str>,
    /// Where the query begins in the target, with its `?`; past the end if that is not known.
    pub query_at: usize,
    /// Set by *route*: the method that a preflight asks about, if the route that takes it answers.
    pub announced: Option<Method>,
}

/// Where the request has been.
#[derive(Default)]
pub struct Tries {
    pub servers: Tried,
    pub count: u32,
    /// Bytes of the head have left for a server.
    pub head_sent: bool,
    /// Bytes of the body have left for a server.
    pub body_sent: bool,
    /// What became of the try before this one.
    pub failed: Option<Refusal>,
    /// The response has been thrown away for another try.
    pub discarded: bool,
    pub kept: Kept,
}

/// What is thought of connections that servers were kept by.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Kept {
    #[default]
    Welcome,
    /// The server closed one just as it was used, and is to be asked once more on a new one.
    Closed,
    /// Once is enough.
    Shunned,
}

/// The numbers of one exchange.
pub struct Tally {
    pub started: Instant,
    /// Spent in line for a place at a server, in all tries.
    pub queued: Option<Duration>,
    pub picked: Option<Instant>,
    pub connected: Option<Instant>,
    pub sent: Option<Instant>,
    pub answered: Option<Instant>,
    pub body_moved: Option<Instant>,
    /// Body bytes of this try; a try after the first replays what was read before.
    pub body_in: u64,
    /// The client has sent all of the request.
    pub request_over: bool,
    pub upgraded: bool,
}

impl Exchange {
    pub fn begin(snapshot: Arc<Snapshot>, now: Instant) -> Self {
        Self {
            snapshot,
            admitted: None,
            trace: None,
            route: None,
            pick: None,
            lender: None,
            tries: Tries::default(),
            applied: Applied::default(),
            coder: Coder::default(),
            flights: Vec::new(),
            refusal: None,
            stand_in: None,
            tally: Tally::begin(now),
            pace: Pace::any(),
            watchdog: None,
        }
    }

    pub(super) fn admitted(&self) -> pingora::Result<&Admitted> {
        self.admitted
            .as_ref()
            .ok_or_else(|| fault::refuse(Refusal::Internal))
    }

    pub(super) fn route(&self) -> pingora::Result<&Arc<Route>> {
        self.route
            .as_ref()
            .ok_or_else(|| fault::refuse(Refusal::Internal))
    }

    /// The request's id; empty if it was not admitted.
    pub(super) fn id(&self) -> &str {
        self.admitted
            .as_ref()
            .map_or("", |admitted| admitted.id.as_str())
    }

    /// Notes for the trace what happens, if anybody is to hear of it.
    pub(super) fn note(&mut self, at: Instant, event: impl FnOnce() -> Milestone) {
        if let Some(trace) = &mut self.trace {
            trace.note(at, event);
        }
    }

    /// Bytes of prefix that the server is not to see.
    pub(super) fn strip(&self) -> usize {
        let route = self.route.as_ref();
        route.and_then(|route| route.strip()).unwrap_or(0)
    }

    /// Those of the route; before it is known, those of `defaults`.
    pub(super) fn policies(&self) -> &Policies {
        match &self.route {
            Some(route) => &route.policies,
            None => &self.snapshot.defaults,
        }
    }

    /// What the route's policies make of a request for a server; `head` is the client's.
    pub(super) fn request(&self, fields: &mut impl Fields, head: Head<'_>) {
        if let Some((route, facts)) = self.facts(head) {
            route.policies.request(fields, &self.applied, &facts);
        }
    }

    /// What the route's policies make of a final response; nothing before the route is known.
    pub(super) fn respond(&self, fields: &mut impl Fields, head: Head<'_>) {
        if let Some((route, facts)) = self.facts(head) {
            route.policies.respond(fields, &self.applied, &facts);
        }
    }

    fn facts<'a>(&'a self, head: Head<'a>) -> Option<(&'a Route, Facts<'a>)> {
        let (route, admitted) = (self.route.as_deref()?, self.admitted.as_ref()?);
        let facts = Facts {
            request: apply::request(head, admitted),
            request_id: admitted.id.as_str(),
            trace_id: traces::shown(self.trace.as_ref()),
            route: &route.label,
            upstream: match &route.action {
                Action::Forward { upstream, .. } => upstream.name(),
                Action::Redirect(_) | Action::Respond(_) => "",
            },
            server: self.pick.as_ref().map_or("", |pick| &pick.server().label),
        };
        Some((route, facts))
    }

    /// Counts body bytes on their way to the server, up to the listener's limit.
    pub(super) fn pass_body(
        &mut self,
        bytes: usize,
        is_last: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        let before = self.tally.body_moved.replace(now).or(self.tally.sent);
        let waited = before.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        if !self.tally.upgraded && !self.pace.moved(bytes, waited) && !is_last {
            return Err(Refusal::BodyTimeout);
        }
        if is_last {
            self.tally.request_over = true;
        }
        if let Some(watchdog) = &self.watchdog {
            match (is_last, self.tally.answered) {
                (true, None) => watchdog.request_over(),
                (true, Some(_)) => watchdog.response_moved(),
                (false, None) => watchdog.upload_moved(),
                (false, Some(_)) => watchdog.either_moved(),
            }
        }
        if bytes == 0 {
            return Ok(());
        }
        self.tries.body_sent = true;
        if self.tally.upgraded {
            return Ok(());
        }
        self.tally.body_in += bytes as u64;
        match &self.admitted {
            Some(admitted) if self.tally.body_in > admitted.limits().body_size.get() => {
                Err(Refusal::BodyTooLarge)
            }
            _ => Ok(()),
        }
    }

    /// Sets a watchdog on the connection of this try, where Pingora's own timeout is not enough.
    pub(super) fn watch(&mut self, socket: RawFd, has_upload: bool) {
        let (Some(pick), Some(admitted)) = (&self.pick, &self.admitted) else {
            return;
        };
        let timeouts = pick.upstream().timeouts();
        // One HTTP/2 connection carries many exchanges; shutting it would end them all.
        let shared = pick.upstream().protocol() != UpstreamProtocol::Http1;
        if !shared && (has_upload || timeouts.first_byte != timeouts.idle) {
            let patience = Patience {
                upload: admitted.limits().body_idle_timeout,
                first_byte: timeouts.first_byte,
                idle: timeouts.idle,
            };
            self.watchdog = Watchdog::set(socket, patience, has_upload);
            if let (Some(lender), Some(watchdog)) = (&self.lender, &self.watchdog) {
                lender.watched(watchdog.leash());
            }
        }
    }

    pub(super) fn speaks_h2_with_tls(&self) -> bool {
        let pick = self.pick.as_ref();
        pick.is_some_and(|pick| pick.upstream().protocol() == UpstreamProtocol::H2)
    }

    /// Whether the server speaks HTTP/2, with TLS or without.
    pub(super) fn speaks_h2(&self) -> bool {
        let pick = self.pick.as_ref();
        pick.is_some_and(|pick| pick.upstream().protocol() != UpstreamProtocol::Http1)
    }

    /// Whether the watchdog ended the try.
    pub(super) fn has_expired(&self) -> bool {
        self.watchdog.as_ref().is_some_and(Watchdog::has_expired)
    }

    /// Bytes of the response moved.
    pub(super) fn response_moved(&self) {
        if let Some(watchdog) = &self.watchdog {
            if self.tally.request_over {
                watchdog.response_moved();
            } else {
                watchdog.either_moved();
            }
        }
    }
}

impl Admitted {
    /// Between whom the request is, as a server may be told.
    pub(super) fn ends(&self) -> Ends {
        let peer = self.connection.peer;
        Ends {
            // A client that a trusted proxy names has no port that we would know.
            source: if self.is_direct() {
                peer
            } else {
                SocketAddr::new(self.client, 0)
            },
            destination: self.connection.reached,
        }
    }

    /// Whether the client is whoever is at the other end of the connection. By that of a trusted proxy many ask.
    pub(super) fn is_direct(&self) -> bool {
        self.client == self.connection.peer.ip()
    }

    /// Whether a connection to a server may be kept that began with this header. Where it names somebody whom a trusted
    /// proxy asks for, it may not: such a proxy asks for as many as it likes, who may never come again, while its own
    /// connection stays.
    pub(super) fn may_keep(&self, header: Option<&ProxyHeader>) -> bool {
        header.is_none() || self.is_direct()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.connection.listener.settings.limits
    }
}

impl Tries {
    /// Whether the next try is on the server of the last one.
    pub(super) fn goes_back(&mut self) -> bool {
        let goes_back = self.kept == Kept::Closed;
        if goes_back {
            self.kept = Kept::Shunned;
        }
        goes_back
    }

    /// One more try, on the server of `pick`.
    pub(super) fn begin(&mut self, pick: &Pick) {
        self.servers.insert(pick.server().index);
        self.count += 1;
        self.discarded = false;
    }
}

impl Tally {
    fn begin(started: Instant) -> Self {
        Self {
            started,
            queued: None,
            picked: None,
            connected: None,
            sent: None,
            answered: None,
            body_moved: None,
            body_in: 0,
            request_over: false,
            upgraded: false,
        }
    }

    /// A new try begins: what the last one measured no longer counts.
    pub fn pick(&mut self, now: Instant) {
        self.picked = Some(now);
        self.connected = None;
        self.sent = None;
        self.answered = None;
        self.body_moved = None;
        self.body_in = 0;
        self.request_over = false;
    }

    /// There is a connection; one that was there before took no time to make.
    pub fn connected(&mut self, was_there: bool, now: Instant) {
        self.connected = if was_there { self.picked } else { Some(now) };
    }

    pub fn to_connect(&self) -> Option<Duration> {
        Some(self.connected?.saturating_duration_since(self.picked?))
    }

    pub fn to_first_byte(&self) -> Option<Duration> {
        Some(self.answered?.saturating_duration_since(self.sent?))
    }

    /// A try has waited so long for its server, in vain or not.
    pub fn waited(&mut self, span: Duration) {
        *self.queued.get_or_insert(Duration::ZERO) += span;
    }
}
