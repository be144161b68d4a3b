//! Pingora's session and headers, in our terms.

use std::{
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode, Uri, Version, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use pingora::{
    Error, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    protocols::http::ServerSession,
    proxy::Session,
};

use super::{Exchange, answering, asker::Asker, head::Head, reader::SMALL, record::Delivered};
use crate::{
    admit::{FieldView, has_option},
    forward::Fields,
    listen::Connection,
    observe::Lane,
    respond::Answer,
};

/// How long answers by HTTP/2 may wait for their windows when much of the memory is in use.
pub(super) const IN_NEED: Duration = Duration::from_secs(2);

/// What is smaller may stay.
const SMALL_HEADER: usize = 4 << 10;
/// As long as the access log tells them (`observe/line.rs`).
const LOGGED_PATH: usize = 2 << 10;
const LOGGED_VALUE: usize = 512;

pub(super) struct RequestFields<'a>(pub(super) &'a mut RequestHeader);
pub(super) struct ResponseFields<'a>(pub(super) &'a mut ResponseHeader);

impl Fields for RequestFields<'_> {
    fn view(&self) -> FieldView<'_> {
        (&self.0.headers).into()
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        // Both are valid by type; Pingora's own limit on the number of fields leaves one out.
        let _ = self.0.insert_header(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.append_header(name, value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }
}

impl Fields for ResponseFields<'_> {
    fn view(&self) -> FieldView<'_> {
        (&self.0.headers).into()
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.insert_header(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.append_header(name, value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }
}

/// Sets deadlines and the life of the connection, and takes off the request what it asks for in vain.
pub(super) fn prepare(session: &mut Session, connection: &Connection) {
    let limits = &connection.listener.settings.limits;
    if !connection.count_request() {
        session.set_keepalive(None);
        connection.retire();
    } else if asks_to_close(session.req_header()) {
        session.set_keepalive(None);
    }
    // The stream keeps the deadlines of HTTP/1. A stream of HTTP/2 may wait for its window besides.
    let is_h2 = session.req_header().version == Version::HTTP_2;
    session.set_read_timeout(None);
    let patience = if connection.listener.pressure.is_strained() {
        limits.write_idle_timeout.min(IN_NEED)
    } else {
        limits.write_idle_timeout
    };
    session.set_write_timeout(is_h2.then_some(patience));
    if session.is_upgrade_req() && !asks_for_websocket(session.req_header()) {
        session.req_header_mut().remove_header(&header::UPGRADE); // from here on it asks for nothing
    }
    if session.req_header().version == Version::HTTP_10 {
        // It knows neither (RFC 9110 sections 10.1.1 and 15.2).
        session.as_mut().set_ignore_info_resp(true);
        session.req_header_mut().remove_header(&header::EXPECT);
    }
}

/// What passed between us and the client.
pub(super) fn delivered(session: &Session) -> Delivered {
    Delivered {
        lane: Lane::Full,
        status: session.response_written().map(|response| response.status),
        bytes_in: session.body_bytes_read() as u64,
        bytes_out: session.body_bytes_sent() as u64,
    }
}

/// Whether the client has been sent a response, or a tunnel in its place. Interim responses are none.
pub(super) fn has_begun(session: &Session) -> bool {
    session.response_written().is_some_and(|written| {
        !written.status.is_informational() || written.status == StatusCode::SWITCHING_PROTOCOLS
    })
}

/// Whether the client has reset the stream of its request. No server need hear of it then: a rapid reset
/// (CVE-2023-44487) stays between the client and us.
pub(super) fn is_taken_back(session: &mut Session) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    match session.as_mut() {
        ServerSession::H2(stream) => Pin::new(&mut stream.idle()).poll(&mut cx).is_ready(),
        _ => false,
    }
}

impl Asker for Session {
    fn head(&self) -> Head<'_> {
        self.req_header().into()
    }

    async fn left(&mut self) {
        let is_empty = self.as_mut().is_body_empty();
        match self.as_mut() {
            ServerSession::H2(stream) => drop(stream.idle().await),
            other if is_empty => drop(other.read_body_or_idle(true).await),
            _ => std::future::pending().await,
        }
    }
}

/// Lets a large header of HTTP/2 go, but for what the log tells of it, at the length it is told: an answer may
/// have to wait for its window, and headers are what fills memory meanwhile.
pub(super) fn let_header_go(header: &mut RequestHeader) -> Result<()> {
    if header.version != Version::HTTP_2 || Head::from(&*header).size() < SMALL_HEADER {
        return Ok(());
    }
    let path = header.raw_path();
    let path = path.get(..LOGGED_PATH).unwrap_or(path).to_vec();
    let mut rest = RequestHeader::build_no_case(header.method.clone(), &path, None)?;
    rest.set_version(header.version);
    for name in [header::USER_AGENT, header::REFERER] {
        if let Some(value) = header.headers.get(&name).map(HeaderValue::as_bytes) {
            // Copied, as a part of the old one would keep all of it.
            let value = value.get(..LOGGED_VALUE).unwrap_or(value).to_vec();
            rest.insert_header(name, value)?;
        }
    }
    *header = rest;
    Ok(())
}

/// Writes an answer of ours as the whole response, with what the route's policies make of it.
pub(super) async fn write(
    session: &mut Session,
    answer: &Answer,
    exchange: &mut Exchange,
) -> Result<()> {
    if let Some(digest) = session.digest()
        && Connection::of(digest).is_some_and(|connection| connection.is_retired())
    {
        session.set_keepalive(None);
    }
    let mut head = ResponseHeader::build(answer.status, Some(answer.fields.len() + 4))?;
    answering::fill(&mut ResponseFields(&mut head), answer);
    let mut fields = ResponseFields(&mut head);
    let body = answering::dress(answer, session.req_header().into(), &mut fields, exchange).await;
    let has_body = !body.is_empty();
    session
        .write_response_header(Box::new(head), !has_body)
        .await?;
    let_header_go(session.req_header_mut())?;
    // Without a body too: the head alone does not end a stream of HTTP/2, which would then be reset.
    let written = write_body(session, body).await;
    written.map_err(Error::into_down)
}

/// Writes a body to its end. By HTTP/2 Pingora keeps one deadline for each piece, however long it is.
async fn write_body(session: &mut Session, mut body: Bytes) -> Result<()> {
    if session.req_header().version == Version::HTTP_2 {
        while body.len() > SMALL {
            let piece = body.split_to(SMALL);
            session.write_response_body(Some(piece), false).await?;
        }
    }
    let last = (!body.is_empty()).then_some(body);
    session.write_response_body(last, true).await
}

/// Gives the request another target, if it is another. An authority in it goes; `Host` is set after this.
pub(super) fn retarget(request: &mut RequestHeader, target: &str) -> Result<()> {
    if request.raw_path() == target.as_bytes() {
        return Ok(());
    }
    request.set_raw_path(target.as_bytes())
}

/// Says in an HTTP/2 request that it goes by TLS, which Pingora does not know (RFC 9113 section 8.3.1).
pub(super) fn over_https(request: &mut RequestHeader) -> Result<()> {
    let invalid =
        |error: http::Error| Error::because(ErrorType::InvalidHTTPHeader, "for HTTP/2", error);
    let authority = match (request.headers.get(header::HOST), request.uri.authority()) {
        (Some(host), _) => Authority::try_from(host.as_bytes()).map_err(|e| invalid(e.into()))?,
        (None, Some(authority)) => authority.clone(),
        (None, None) => return Ok(()), // Pingora refuses it
    };
    let path = PathAndQuery::try_from(request.raw_path()).map_err(|e| invalid(e.into()))?;
    let uri = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(invalid)?;
    request.remove_header(&header::HOST);
    request.set_uri(uri);
    Ok(())
}

/// Whether the client means to close after this; in any of its `Connection` lines, where Pingora reads the first.
pub(super) fn asks_to_close(request: &RequestHeader) -> bool {
    has_option((&request.headers).into(), b"close")
}

/// Whether this is the one upgrade that is passed on: a GET without a body (RFC 6455 section 4.1) that names WebSocket
/// alone, and names `Upgrade` in `Connection` (RFC 9110 section 7.8).
pub(super) fn asks_for_websocket(request: &RequestHeader) -> bool {
    let fields = &request.headers;
    let mut protocols = fields.get_all(header::UPGRADE).iter();
    let protocol = protocols.next().filter(|_| protocols.next().is_none());
    let is_websocket =
        |protocol: &HeaderValue| protocol.as_bytes().eq_ignore_ascii_case(b"websocket");
    let has_body = fields.contains_key(header::CONTENT_LENGTH)
        || fields.contains_key(header::TRANSFER_ENCODING);
    request.method == http::Method::GET
        && !has_body
        && protocol.is_some_and(is_websocket)
        && has_option(fields.into(), b"upgrade")
}

/// Keeps a connection that Pingora gives up when it passes on `100 Continue`, since by then the body has
/// not been read. Once it has been, nothing speaks against the next request.
pub(super) fn keep_after_continue(session: &mut Session) {
    let request = session.req_header();
    let expected = request.headers.contains_key(header::EXPECT);
    if expected
        && request.version == Version::HTTP_11
        && !asks_to_close(request)
        && session.as_mut().is_body_done()
    {
        session.set_keepalive(Some(0)); // the stream keeps the time between requests
    }
}

/// HTTP/1.0 knows no chunks: a body without a length ends with the connection (RFC 9112 section 6.1). False for one of a server
/// with HTTP/2, whose body Pingora would send in chunks whatever we say.
pub(super) fn suits_old_client(
    session: &mut Session,
    response: &mut ResponseHeader,
    from_h2: bool,
) -> bool {
    if session.req_header().version != Version::HTTP_10
        || response.headers.contains_key(header::CONTENT_LENGTH)
    {
        return true;
    }
    let has_body = session.req_header().method != http::Method::HEAD
        && !response.status.is_informational()
        && !matches!(response.status.as_u16(), 204 | 304);
    if from_h2 && has_body {
        return false;
    }
    response.remove_header(&header::TRANSFER_ENCODING);
    session.set_keepalive(None);
    true
}
