//! What the lane wants of a client, whatever protocol it speaks.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;

use super::super::asker::Asker;
use crate::{
    admit::{FieldLines, Framing},
    listen::Alarm,
    respond::Refusal,
};

/// A client with one request.
pub(super) trait Client: Asker {
    /// How the end of its body is known.
    fn framing(&self) -> Framing;

    /// Whether its body has been read to the end.
    fn is_heard(&self) -> bool;

    /// The piece of its body that comes next; nothing at the end.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Refusal>>;

    /// Ready once it has gone, or taken the request back. By HTTP/1 that is not seen before its body has been read.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether it has taken the request back: then no server need hear of it. A rapid reset (CVE-2023-44487) so stays between
    /// the client and us.
    fn is_taken_back(&mut self) -> bool {
        false
    }

    /// Gives it an interim response, if its protocol can.
    fn inform(&mut self, status: StatusCode, fields: &FieldLines);

    /// Begins the response.
    fn begin(&mut self, head: ResponseHead, length: Length) -> Result<(), Refusal>;

    /// Lets a large header of its go, but for what is logged: the answer may have to wait.
    fn forget_head(&mut self) {}

    /// Takes a piece of the body, which is not empty.
    fn give(&mut self, piece: Bytes);

    /// The response is complete.
    fn finish(&mut self);

    /// Ready once all that it was given has been sent.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>>;

    /// The status of the response that has begun, if one has.
    fn begun(&self) -> Option<StatusCode>;

    /// The connection is to carry no other request.
    fn close(&mut self);

    /// The response ends badly, and the client is to notice.
    fn abort(&mut self);

    /// Whether it is to be given little at once: what it does not read is held for it.
    fn is_slow(&self) -> bool;

    /// Rings when something has stood still for too long.
    fn alarm(&mut self) -> &mut Alarm;

    /// Bytes of its body that were read so far.
    fn bytes_in(&self) -> u64;

    /// Bytes of the response's body that it was given so far.
    fn bytes_out(&self) -> u64;
}

/// What is known of a response's body when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The fields say it, or there can be no body.
    Said { is_empty: bool },
    /// It ends when it ends.
    Unknown,
}

/// Status and fields of a final response.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: StatusCode,
    /// What a server says of the status, where a protocol passes it on; if empty, what is usual.
    pub(super) reason: Bytes,
    pub(super) fields: FieldLines,
}
