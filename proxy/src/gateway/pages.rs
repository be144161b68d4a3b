//! Error pages on their way out: of our refusals, and in the place of what servers say.

use http::{HeaderName, HeaderValue, header};
use pingora::{
    Result,
    http::ResponseHeader,
    proxy::{FailToProxy, Session},
};

use super::{
    Exchange, fault, outcome,
    session::{self, ResponseFields},
};
use crate::{
    policy::{Policies, vary_by},
    respond::{Answer, Page, PageFacts, Refusal},
};

/// The answer to a refused request.
pub(super) fn refused(refusal: Refusal, session: &Session, exchange: &Exchange) -> Answer {
    of(refusal, &facts(session, exchange), exchange.policies())
}

pub(super) fn of(refusal: Refusal, facts: &PageFacts<'_>, policies: &Policies) -> Answer {
    let mut page = Page::of(refusal, facts.accept, facts.request_id);
    if let Some(pages) = &policies.error_pages {
        pages.dress(&mut page, facts);
    }
    page
}

/// Breaks off with a page of the operator's, if there is one for what a server has begun to say.
///
/// The rest of the response is not read, and so its connection is not used again; nor is that of a client with HTTP/1, as
/// Pingora keeps none of a request that it gave up. nginx too drops what it has not read.
pub(super) fn stand_in(
    session: &Session,
    response: &mut ResponseHeader,
    exchange: &mut Exchange,
) -> Result<()> {
    let facts = facts(session, exchange);
    let pages = exchange.policies().error_pages.as_ref();
    let Some(page) = pages.and_then(|pages| pages.stand_in(response.status)) else {
        return Ok(());
    };
    if !page.suits(facts.accept) {
        // No cache may give these words to a client that would have had the page.
        vary_by(&mut ResponseFields(response), "Accept");
        return Ok(());
    }
    let mut answer = without_body(response);
    page.dress(&mut answer, &facts);
    exchange.stand_in = Some(answer);
    Err(fault::refuse(Refusal::ServerReset)) // which nobody sees: the page is sent
}

/// Sends the page that stands in for a server's response, which is no refusal of ours.
pub(super) async fn send(
    session: &mut Session,
    page: Answer,
    exchange: &mut Exchange,
) -> FailToProxy {
    session.set_keepalive(None);
    let written = session::write(session, &page, exchange).await;
    if let Err(error) = written {
        exchange.refusal = Some(exchange.refusal_for(&error));
        outcome::stalled(exchange, &error);
    }
    FailToProxy {
        error_code: page.status.as_u16(),
        can_reuse_downstream: false,
    }
}

fn facts<'a>(session: &'a Session, exchange: &'a Exchange) -> PageFacts<'a> {
    let admitted = exchange.admitted.as_ref();
    let accept = session.req_header().headers.get(header::ACCEPT);
    PageFacts {
        request_id: exchange.id(),
        host: admitted.map_or("", |admitted| admitted.host.name()),
        accept: accept.map(HeaderValue::as_bytes),
    }
}

/// The head of a server's response, with what it says of more than its body: a challenge to log in, cookies, when to come
/// back. Which page it gets depends on `Accept`.
fn without_body(response: &ResponseHeader) -> Answer {
    let fields = response.headers.iter();
    let kept = fields.filter(|(name, _)| !is_of_body(name));
    let mut fields: Vec<_> = kept
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    fields.push((header::VARY, HeaderValue::from_static("accept")));
    Answer {
        status: response.status,
        fields,
        body: bytes::Bytes::new(),
    }
}

/// Whether a field is of the body that is not sent, or of how it came.
fn is_of_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
        || matches!(
            name.as_str(),
            "accept-ranges"
                | "connection"
                | "digest"
                | "etag"
                | "last-modified"
                | "repr-digest"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        )
}
