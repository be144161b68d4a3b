//! The life of a request in Pingora's lane, top to bottom.
//!
//! Each hook is one stage. What a stage does is in the module it calls; what order they come in is here.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora::{
    Error, Result,
    http::{RequestHeader, ResponseHeader},
    modules::http::HttpModules,
    protocols::Digest,
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session},
    upstreams::peer::HttpPeer,
};

use super::{
    Exchange, admission, apply,
    asker::Asker,
    coder,
    exchange::Kept,
    fault, forwarding,
    means::Means,
    outcome, pages,
    peer::{self, Needs},
    record, routing,
    session::{self, RequestFields, ResponseFields},
    sticky, turn,
};
use crate::{forward, listen::Connection, observe::Milestone, respond::Refusal, snapshot::Action};

/// Pingora's lane.
pub struct Gateway {
    pub(super) means: Arc<Means>,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        Exchange::begin(self.means.snapshot.load(), Instant::now())
    }

    /// None: Pingora's compression reads `Accept-Encoding` too simply, and holds events back.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    /// Admit: who asks, and is the message sane?
    async fn early_request_filter(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let internal = || fault::refuse(Refusal::Internal);
        let digest = session.digest().ok_or_else(internal)?;
        let connection = Arc::clone(Connection::of(digest).ok_or_else(internal)?);
        session::prepare(session, &connection);
        admission::admit(session.head(), &connection, exchange).map_err(fault::refuse)
    }

    /// Route and apply: where does it lead, and do we answer ourselves?
    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
        let mut answer = routing::route(session.head(), exchange)
            .await
            .map_err(fault::refuse)?;
        if answer.is_none() {
            let applied = apply::apply(&self.means, session, exchange).await;
            answer = applied.map_err(fault::refuse)?;
        }
        match answer {
            Some(answer) => session::write(session, &answer, exchange)
                .await
                .map(|()| true),
            None => Ok(false),
        }
    }

    /// Pick: a server this exchange has not tried yet.
    async fn upstream_peer(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<Box<HttpPeer>> {
        let route = Arc::clone(exchange.route()?);
        let Action::Forward { upstream, .. } = &route.action else {
            return Err(fault::refuse(Refusal::Internal));
        };
        if session::is_taken_back(session) {
            return Err(fault::refuse(Refusal::ClientGone));
        }
        exchange.watchdog = None;
        let pick = turn::begin(session, exchange, upstream)
            .await
            .map_err(fault::refuse)?;
        let has_upload = !session.as_mut().is_body_empty();
        let is_upgrade = session.is_upgrade_req();
        let head_alone = session.req_header().method == http::Method::HEAD;
        let compress = route.policies.compress.as_ref();
        exchange
            .coder
            .try_anew(compress.filter(|_| !is_upgrade && !head_alone));
        let admitted = exchange.admitted()?;
        let needs = Needs {
            upload: has_upload.then_some(admitted.limits().body_idle_timeout),
            admitted,
            upgrade: is_upgrade,
            head_alone,
            anew: exchange.tries.kept == Kept::Shunned,
            passage: exchange.coder.passage(),
        };
        let reach = peer::reach(&pick, &needs, self.means.spares.mine())?;
        exchange.pick = Some(pick);
        exchange.lender = reach.lender;
        Ok(reach.peer)
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        descriptor: std::os::fd::RawFd,
        _digest: Option<&Digest>,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let lender = exchange.lender.as_ref();
        let was_there = reused || lender.is_some_and(|lender| lender.has_lent_spare());
        exchange.tally.connected(was_there, Instant::now());
        if !session.is_upgrade_req() {
            let descriptor = lender.map_or(descriptor, |lender| lender.descriptor());
            exchange.watch(descriptor, !session.as_mut().is_body_empty());
        }
        Ok(())
    }

    /// Forward: what does the server see?
    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let head = session.head();
        let target = forwarding::target(head, exchange).map_err(fault::refuse)?;
        session::retarget(request, &target)?;
        let mut fields = RequestFields(request);
        forwarding::forward(head, exchange, &mut fields).map_err(fault::refuse)?;
        if exchange.speaks_h2_with_tls() {
            session::over_https(request)?;
        }
        // To a server with HTTP/2 there is no body filter where there is no body.
        exchange.tally.request_over |= session.as_mut().is_body_empty();
        exchange.tries.head_sent = true;
        exchange.tally.sent = Some(Instant::now());
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        exchange
            .pass_body(
                body.as_ref().map_or(0, Bytes::len),
                end_of_stream,
                Instant::now(),
            )
            .map_err(fault::refuse)
    }

    /// Notes whether the response is over with its head: this alone is told of it. No body filter would be called.
    async fn adjust_upstream_modules(
        &self,
        _session: &mut Session,
        _response: &ResponseHeader,
        end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        exchange.coder.ends_with_head(end_of_stream);
        Ok(())
    }

    /// Again, or on: a response that another server may better is thrown away here.
    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        outcome::answered(session, response, exchange)?;
        if let Some(admitted) = &exchange.admitted {
            let is_upgrade = response.status == http::StatusCode::SWITCHING_PROTOCOLS;
            forward::response(
                &mut ResponseFields(response),
                admitted.id.as_str(),
                is_upgrade,
            );
        }
        let status = response.status;
        let page = pages::stand_in(
            session.head(),
            status,
            &mut ResponseFields(response),
            exchange,
        );
        exchange.stand_in = page;
        match exchange.stand_in {
            Some(_) => Err(fault::refuse(Refusal::ServerReset)), // which nobody sees: the page is sent
            None => Ok(()),
        }
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        _end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<std::time::Duration>> {
        exchange.response_moved();
        Ok(None)
    }

    fn upstream_response_trailer_filter(
        &self,
        _session: &mut Session,
        trailers: &mut HeaderMap,
        exchange: &mut Exchange,
    ) -> Result<()> {
        outcome::hold_to_limits(trailers, exchange)
    }

    /// Respond: what does this client understand?
    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let connection = &exchange.admitted()?.connection;
        if connection.is_retired() {
            session.set_keepalive(None); // what is promised is kept
        } else if !response.status.is_informational() {
            session::keep_after_continue(session);
        }
        if !response.status.is_informational() {
            let (head, status) = (session.head(), response.status);
            let mut fields = ResponseFields(response);
            exchange.respond(&mut fields, head);
            let is_stream = exchange.encode(head.method, status, &mut fields).await;
            sticky::keep(exchange, head.fields, &mut fields);
            // Ours is 1.1, whatever the server's (RFC 9110 section 6.2).
            if is_stream || response.version == http::Version::HTTP_10 {
                response.set_version(http::Version::HTTP_11);
            }
        } else if response.status == http::StatusCode::SWITCHING_PROTOCOLS {
            // No other response comes: a cookie for a client that logged in is sent now or never.
            let mut fields = ResponseFields(response);
            exchange.applied.respond(&mut fields);
            let asked = (&session.req_header().headers).into();
            sticky::keep(exchange, asked, &mut fields);
        }
        if session::suits_old_client(session, response, exchange.speaks_h2()) {
            Ok(())
        } else {
            Err(fault::refuse(Refusal::OldClient))
        }
    }

    /// Compress: what goes to the client in the place of this?
    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<std::time::Duration>> {
        let passed = exchange.coder.pass(body, end_of_stream);
        passed.map(|()| None).map_err(coder::broken)
    }

    /// What is given in the place of trailers ends the body.
    async fn response_trailer_filter(
        &self,
        _session: &mut Session,
        _trailers: &mut HeaderMap,
        exchange: &mut Exchange,
    ) -> Result<Option<Bytes>> {
        exchange.coder.finish().map_err(coder::broken)
    }

    /// Again: nothing has left for a server that could not be reached.
    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        exchange: &mut Exchange,
        error: Box<Error>,
    ) -> Box<Error> {
        outcome::not_connected(session, exchange, error)
    }

    /// Again: the connection failed under way.
    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        exchange: &mut Exchange,
        reused: bool,
    ) -> Box<Error> {
        outcome::broken_off(session, exchange, error, reused)
    }

    /// Refuse: what do we say instead?
    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        if let Some(page) = exchange.stand_in.take() {
            return pages::send(session, page, exchange).await;
        }
        let refusal = exchange.refusal_for(error);
        exchange.refusal = Some(refusal);
        exchange.note(Instant::now(), || Milestone::Refusal(refusal.label()));
        outcome::stalled(exchange, Refusal::of(error));
        // An exchange that never reached a server leaves its connection in order.
        let can_reuse_downstream = exchange.tries.count == 0 && refusal.keeps_connection();
        let is_heard = !matches!(
            refusal,
            Refusal::ClientGone | Refusal::WindowTimeout | Refusal::WriteTimeout
        );
        if !session::has_begun(session) && is_heard {
            if !can_reuse_downstream {
                session.set_keepalive(None);
            }
            let page = pages::refused(refusal, session.head(), exchange);
            // A client that cannot be written to has left; the log will say how far it came.
            let written = session::write(session, &page, exchange).await;
            written
                .map_err(|error| outcome::stalled(exchange, Refusal::of(&error)))
                .ok();
        }
        FailToProxy {
            error_code: refusal.status().as_u16(),
            can_reuse_downstream,
        }
    }

    /// Record: what happened?
    async fn logging(
        &self,
        session: &mut Session,
        _error: Option<&Error>,
        exchange: &mut Exchange,
    ) {
        let delivered = session::delivered(session);
        record::record(session.head(), exchange, &delivered, &self.means.observer);
    }

    /// The access log tells each of them once, with its reason.
    fn suppress_error_log(&self, _session: &Session, _exchange: &Exchange, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _exchange: &Exchange,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
