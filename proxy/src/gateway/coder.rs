//! How the body of a response gets into the coding that its client takes.
//!
//! A body that is all there is compressed before its head leaves, and its length is known. Any other is compressed as it comes:
//! what the server has sent so far is with the client whenever the server pauses. Whatever ends an exchange gives the encoder
//! back; a coded body that was broken off lacks its end, which every decoder notices.

use std::{mem, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, StatusCode, header};
use parking_lot::Mutex;
use tokio::task::yield_now;

use super::{Exchange, exchange::Admitted, fault, hold::Passage};
use crate::{
    admit::FieldView,
    forward::Fields,
    policy::{Broken, Coding, Compress, Encoder, Load, Offer, Plan, Skipped},
    respond::Refusal,
};

/// Compressed without a look at what else there is to do on this thread. It takes brotli at its usual level 0.6 ms
/// (`benches/README.md`).
const SLICE: usize = 64 << 10;

/// Of one exchange.
#[derive(Debug, Default)]
pub(super) struct Coder {
    offer: Offer,
    /// Of this try, where the connection is lent.
    passage: Option<Arc<Passage>>,
    work: Work,
    squeezed: Squeezed,
    /// The server's response is over with its head.
    ends_with_head: bool,
}

/// What the log and the metrics hear of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Squeezed {
    pub(super) coding: Option<Coding>,
    /// Why there is none, though the client would have taken it.
    pub(super) skipped: Option<Skipped>,
    /// Bytes of the body before and after.
    pub(super) taken: u64,
    pub(super) given: u64,
}

#[derive(Debug, Default)]
enum Work {
    /// The body passes as it is.
    #[default]
    Nothing,
    /// Sent in the place of this many bytes that Pingora still reads, and never more than those.
    Whole { coded: Bytes, left: usize },
    Stream {
        /// Shared with nobody: the codecs cannot be, and what an exchange holds has to be such that it could.
        encoder: Mutex<Encoder>,
        seen: u64,
        /// What the head says that there is, where it says anything.
        length: Option<u64>,
    },
}

impl Coder {
    /// What the client of a request may get.
    pub(super) fn offer(&mut self, offer: Offer) {
        self.offer = offer;
    }

    pub(super) fn squeezed(&self) -> Squeezed {
        self.squeezed
    }

    /// Forgets the try before, and lays a passage for the next, if anything may be compressed.
    pub(super) fn try_anew(&mut self, compress: Option<&Arc<Compress>>) {
        self.forget();
        let compress = compress.filter(|_| self.offer.coding().is_some());
        self.passage = compress.map(|compress| Arc::new(Passage::new(compress, self.offer)));
    }

    pub(super) fn passage(&self) -> Option<&Arc<Passage>> {
        self.passage.as_ref()
    }

    fn forget(&mut self) {
        self.passage = None;
        self.work = Work::Nothing;
        self.squeezed = Squeezed::default();
        self.ends_with_head = false;
    }

    /// Whether a server's response is over with its head, in which case no body passes here.
    pub(super) fn ends_with_head(&mut self, is_over: bool) {
        self.ends_with_head = is_over;
    }

    /// Decides on a server's response, compresses what is there of its body, and makes the head true.
    async fn begin(
        &mut self,
        compress: &Compress,
        load: Load,
        method: &Method,
        status: StatusCode,
        fields: &mut impl Fields,
    ) {
        let whole = self.passage.as_ref().and_then(|passage| passage.take());
        if self.ends_with_head && may_have_body(method, status) {
            // A server with HTTP/2 need not say so, and Pingora calls no body filter then.
            fields.set(header::CONTENT_LENGTH, 0.into());
        }
        let length = length(fields.view());
        let mut plan = compress.decide(self.offer, status, fields.view(), length);
        if let (Some(coding), false) = (plan.coding(), method == Method::HEAD) {
            let begun = match whole {
                Some(body) => self.whole(compress, load, coding, body).await,
                None => self.stream(compress, load, coding, length),
            };
            self.settle(&mut plan, coding, begun);
        }
        plan.dress(fields);
        match &self.work {
            Work::Nothing => {}
            Work::Whole { coded, .. } => fields.set(header::CONTENT_LENGTH, coded.len().into()),
            Work::Stream { .. } => {
                let chunked = HeaderValue::from_static("chunked");
                fields.set(header::TRANSFER_ENCODING, chunked);
            }
        }
    }

    /// The same for an answer of ours. Gives the body to send, and sets its length.
    pub(super) async fn answer(
        &mut self,
        compress: &Compress,
        load: Load,
        method: &Method,
        status: StatusCode,
        fields: &mut impl Fields,
        body: &Bytes,
    ) -> Bytes {
        self.forget();
        let length = u64::try_from(body.len()).ok();
        let mut plan = compress.decide(self.offer, status, fields.view(), length);
        if let (Some(coding), false) = (plan.coding(), method == Method::HEAD) {
            let begun = self.whole(compress, load, coding, body.clone()).await;
            self.settle(&mut plan, coding, begun);
        }
        plan.dress(fields);
        let body = match mem::take(&mut self.work) {
            Work::Whole { coded, .. } => coded,
            Work::Nothing | Work::Stream { .. } => body.clone(),
        };
        if plan.coding().is_none() || method != Method::HEAD {
            fields.set(header::CONTENT_LENGTH, body.len().into());
        }
        body
    }

    fn settle(&mut self, plan: &mut Plan, coding: Coding, begun: Result<(), Skipped>) {
        match begun {
            Ok(()) => self.squeezed.coding = Some(coding),
            Err(skipped) => {
                self.squeezed.skipped = Some(skipped);
                *plan = plan.without_coding();
            }
        }
    }

    async fn whole(
        &mut self,
        compress: &Compress,
        load: Load,
        coding: Coding,
        body: Bytes,
    ) -> Result<(), Skipped> {
        let coded = if body.len() <= SLICE {
            compress.whole(coding, &body, load)?
        } else {
            Box::pin(in_slices(compress, load, coding, &body)).await? // seldom, so it takes no room elsewhere
        };
        self.squeezed.taken = body.len() as u64;
        self.squeezed.given = coded.len() as u64;
        self.work = Work::Whole {
            coded,
            left: body.len(),
        };
        Ok(())
    }

    fn stream(
        &mut self,
        compress: &Compress,
        load: Load,
        coding: Coding,
        length: Option<u64>,
    ) -> Result<(), Skipped> {
        let encoder = compress.stream(coding, length, load)?;
        if let Some(passage) = &self.passage {
            passage.is_encoded();
        }
        self.work = Work::Stream {
            encoder: Mutex::new(encoder),
            seen: 0,
            length,
        };
        Ok(())
    }

    /// Puts what the client gets in the place of a piece of the body. After an error the response must not end well.
    pub(super) fn pass(&mut self, body: &mut Option<Bytes>, is_last: bool) -> Result<(), Broken> {
        match &mut self.work {
            Work::Nothing => {}
            Work::Whole { coded, left } => {
                // As late as can be, so that most of the server's response is read by then and its connection free; but at no
                // time more than Pingora brings, which is what one deadline is enough for (`Reader`).
                *left = left.saturating_sub(body.take().map_or(0, |piece| piece.len()));
                let due = coded.len().saturating_sub(*left);
                *body = (due > 0).then(|| coded.split_to(due));
            }
            Work::Stream {
                encoder,
                seen,
                length,
            } => {
                let piece = body.take().unwrap_or_default();
                *seen += piece.len() as u64;
                let encoder = encoder.get_mut();
                let mut out = BytesMut::new();
                encoder.push(&piece, &mut out)?;
                let passage = self.passage.as_ref();
                if is_last && length.is_some_and(|length| length != *seen) {
                    return Err(Broken); // brotli and gzip would not notice
                }
                if is_last {
                    encoder.finish(&mut out)?;
                } else if !passage.is_some_and(|passage| passage.has_more_than(*seen)) {
                    encoder.flush(&mut out)?;
                }
                self.squeezed.taken += piece.len() as u64;
                self.squeezed.given += out.len() as u64;
                *body = (!out.is_empty()).then(|| out.freeze());
                if is_last {
                    self.work = Work::Nothing;
                }
            }
        }
        Ok(())
    }

    /// The end of a stream that has trailers in the place of an end. They give way to it, as Pingora writes one or the other.
    pub(super) fn finish(&mut self) -> Result<Option<Bytes>, Broken> {
        let mut end = None;
        if matches!(self.work, Work::Stream { .. }) {
            self.pass(&mut end, true)?;
        }
        Ok(end)
    }
}

/// A large body in one go, but with others having their turn now and then. It counts as a stream; where there are as many as may be, nobody has
/// a turn.
async fn in_slices(
    compress: &Compress,
    load: Load,
    coding: Coding,
    body: &[u8],
) -> Result<Bytes, Skipped> {
    let mut encoder = match compress.stream(coding, u64::try_from(body.len()).ok(), load) {
        // Without others in between there is never more than one for each thread.
        Err(Skipped::Streams) => return compress.whole(coding, body, load),
        begun => begun?,
    };
    let mut coded = BytesMut::new();
    for slice in body.chunks(SLICE) {
        encoder
            .push(slice, &mut coded)
            .map_err(|Broken| Skipped::Broken)?;
        yield_now().await;
    }
    encoder
        .finish(&mut coded)
        .map_err(|Broken| Skipped::Broken)?;
    if coded.len() < body.len() {
        Ok(coded.freeze())
    } else {
        Err(Skipped::NoGain)
    }
}

impl Exchange {
    /// Respond: what coding does the body get? Comes after all that other policies make of the head. True if it is a stream, which
    /// goes in chunks whatever its server speaks.
    pub(super) async fn encode(
        &mut self,
        method: &Method,
        status: StatusCode,
        fields: &mut impl Fields,
    ) -> bool {
        let load = self.load();
        if let Some(route) = &self.route
            && let Some(compress) = &route.policies.compress
        {
            self.coder
                .begin(compress, load, method, status, fields)
                .await;
        }
        matches!(self.coder.work, Work::Stream { .. })
    }

    /// The same for an answer of ours that confirms what the client has: it says what that was said with.
    pub(super) fn encode_confirmation(&self, status: StatusCode, fields: &mut impl Fields) {
        if let Some(route) = &self.route
            && let Some(compress) = &route.policies.compress
        {
            let plan = compress.decide(self.coder.offer, status, fields.view(), None);
            plan.dress(fields);
        }
    }

    /// The same for an answer of ours: gives the body to send, and sets its length.
    pub(super) async fn encode_answer(
        &mut self,
        method: &Method,
        status: StatusCode,
        fields: &mut impl Fields,
        body: &Bytes,
    ) -> Bytes {
        let load = self.load();
        if let Some(route) = &self.route
            && let Some(compress) = &route.policies.compress
        {
            return self
                .coder
                .answer(compress, load, method, status, fields, body)
                .await;
        }
        fields.set(header::CONTENT_LENGTH, body.len().into());
        body.clone()
    }

    fn load(&self) -> Load {
        let pressure = |admitted: &Admitted| admitted.connection.listener.pressure.load();
        self.admitted.as_ref().map_or(Load::NONE, pressure)
    }
}

/// A codec that fails ends the response, and says so to the client by ending it badly.
pub(super) fn broken(_: Broken) -> Box<pingora::Error> {
    fault::refuse(Refusal::Internal)
}

fn may_have_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD && !matches!(status.as_u16(), 204 | 304)
}

fn length(fields: FieldView<'_>) -> Option<u64> {
    let length = fields.get(header::CONTENT_LENGTH)?;
    str::from_utf8(length).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
