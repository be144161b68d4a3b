//! An answer of ours on its way out.

use bytes::Bytes;
use http::{StatusCode, header};

use super::{Exchange, head::Head};
use crate::{forward::Fields, respond::Answer};

/// Makes of the answer what the route's policies have it be: `fields` are those of the answer at first. Gives the body to send,
/// none for a client that asks for the head alone.
pub(super) async fn dress(
    answer: &Answer,
    head: Head<'_>,
    fields: &mut impl Fields,
    exchange: &mut Exchange,
) -> Bytes {
    exchange.respond(fields, head);
    let status = answer.status;
    // RFC 9110 section 8.6: neither of these has a length.
    let may_have_body = !matches!(status.as_u16(), 204 | 304);
    let mut body = Bytes::new();
    if may_have_body {
        body = exchange
            .encode_answer(head.method, status, fields, &answer.body)
            .await;
    } else if status == StatusCode::NOT_MODIFIED {
        exchange.encode_confirmation(status, fields);
    }
    if *head.method == http::Method::HEAD {
        Bytes::new()
    } else {
        body
    }
}

/// Adds the fields of an answer to those of a response.
pub(super) fn fill(fields: &mut impl Fields, answer: &Answer) {
    for (name, value) in &answer.fields {
        debug_assert_ne!(name, header::CONTENT_LENGTH, "which is the writer's");
        fields.add(name.clone(), value.clone());
    }
}
