//! Error pages on their way out: of our refusals, and in the place of what servers say.

use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora::proxy::{FailToProxy, Session};

use super::{Exchange, head::Head, outcome, session};
use crate::{
    admit::FieldView,
    forward::Fields,
    policy::{Policies, vary_by},
    respond::{Answer, Page, PageFacts, Refusal},
};

/// The answer to a refused request.
pub(super) fn refused(refusal: Refusal, head: Head<'_>, exchange: &Exchange) -> Answer {
    of(refusal, &facts(head, exchange), exchange.policies())
}

pub(super) fn of(refusal: Refusal, facts: &PageFacts<'_>, policies: &Policies) -> Answer {
    let mut page = Page::of(refusal, facts.accept, facts.request_id);
    if let Some(pages) = &policies.error_pages {
        pages.dress(&mut page, facts);
    }
    page
}

/// A page of the operator's, if there is one for what a server has begun to say.
///
/// The rest of the response is not read, and so its connection is not used again. nginx too drops what it has not read.
pub(super) fn stand_in(
    head: Head<'_>,
    status: StatusCode,
    fields: &mut impl Fields,
    exchange: &Exchange,
) -> Option<Answer> {
    let facts = facts(head, exchange);
    let pages = exchange.policies().error_pages.as_ref();
    let page = pages.and_then(|pages| pages.stand_in(status))?;
    if !page.suits(facts.accept) {
        // No cache may give these words to a client that would have had the page.
        vary_by(fields, "Accept");
        return None;
    }
    let mut answer = without_body(status, fields.view());
    page.dress(&mut answer, &facts);
    Some(answer)
}

/// Sends the page that stands in for a server's response, which is no refusal of ours. The client's connection ends with it by
/// HTTP/1, as Pingora keeps none of a request that it gave up.
pub(super) async fn send(
    session: &mut Session,
    page: Answer,
    exchange: &mut Exchange,
) -> FailToProxy {
    session.set_keepalive(None);
    let written = session::write(session, &page, exchange).await;
    if let Err(error) = written {
        exchange.refusal = Some(exchange.refusal_for(&error));
        outcome::stalled(exchange, Refusal::of(&error));
    }
    FailToProxy {
        error_code: page.status.as_u16(),
        can_reuse_downstream: false,
    }
}

fn facts<'a>(head: Head<'a>, exchange: &'a Exchange) -> PageFacts<'a> {
    let admitted = exchange.admitted.as_ref();
    PageFacts {
        request_id: exchange.id(),
        host: admitted.map_or("", |admitted| admitted.host.name()),
        accept: head.fields.get(header::ACCEPT),
    }
}

/// The head of a server's response, with what it says of more than its body: a challenge to log in, cookies, when to come
/// back. Which page it gets depends on `Accept`.
fn without_body(status: StatusCode, fields: FieldView<'_>) -> Answer {
    let mut fields = fields.named_where(|name| !is_of_body(name));
    fields.push((header::VARY, HeaderValue::from_static("accept")));
    Answer {
        status,
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
