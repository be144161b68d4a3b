//! Compression: which responses go to a client in a coding that it takes, and how they get into it.
//!
//! What the gateway does with it, in this order:
//!
//! ```text
//! let offer = compress.accept(method, version, request_fields);      // with the request; Copy, no allocation
//! let plan = compress.decide(offer, status, response_fields, length); // with the head; reads, changes nothing
//! if let Plan::Coded(coding) = plan {                                // and there is a body (no HEAD)
//!     compress.whole(coding, body, load)      // Ok: the compressed body, shorter than it was; or
//!     compress.stream(coding, length, load)   // Ok: an Encoder, to push, flush, and finish
//!     // Err: the body goes as it is, with `plan.without_coding()`; what it says is counted
//! }
//! plan.dress(response_fields);
//! // for `whole`, Content-Length is set after that
//! ```
//!
//! Servers see `Accept-Encoding` as the client sent it: those that compress by themselves go on doing so, and what
//! they have compressed passes through untouched, with their own `Vary`.
//!
//! **Conditions.** A compressed response has a weak entity tag (RFC 9110 section 8.8.1), as its bytes are not the
//! server's. `If-None-Match` compares weakly, so the server answers it with 304. `If-Match` and `If-Range` compare
//! strongly, which a weak tag never passes: the server answers 412, or with all instead of a range, as behind nginx.
//! Where clients send `If-Match` back, turn compression off for the route, or have the server say `no-transform`.

mod brotli;
mod codec;
mod dress;
mod encoder;
mod engines;
mod guard;
mod gzip;
mod offer;
mod types;
mod zstd;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderName, Method, StatusCode, Version,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, SET_COOKIE, TRAILER,
        TRANSFER_ENCODING,
    },
};

pub use self::{
    codec::Broken, dress::Plan, encoder::Encoder, engines::Engines, guard::Load, offer::Offer,
};
use self::{dress::DIGESTS, engines::Streams, types::MediaTypes};
use super::Coding;
use crate::{admit::FieldView, config::model};

/// A signature may cover what compression changes (RFC 9421 section 2.1).
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// What is compressed for whom, and the memory for it.
#[derive(Debug)]
pub struct Compress {
    encodings: Box<[Coding]>,
    types: MediaTypes,
    /// Bytes.
    min_size: u64,
    whole_up_to: u64,
    cookies: bool,
    levels: model::Levels,
    most_streams: usize,
    cpu_guard: bool,
    streams: Arc<Streams>,
    engines: Arc<Engines>,
}

/// Why a body goes as it is, though the client would take it compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The processors have enough to do.
    Load,
    /// As many streams as may be are compressed already.
    Streams,
    /// It would not become shorter.
    NoGain,
    /// The codec has failed, which it does only for want of memory.
    Broken,
}

impl Compress {
    /// `owner` is the label of the route whose policy it is, or `defaults`; under it its streams are counted.
    pub fn new(spec: &model::Compress, owner: &str, engines: &Arc<Engines>) -> Self {
        let model::Compress {
            encodings,
            min_size,
            whole_up_to,
            levels,
            types,
            cookies,
            streams,
            cpu_guard,
        } = spec;
        Self {
            encodings: encodings.clone(),
            types: MediaTypes::new(types),
            min_size: min_size.get(),
            whole_up_to: whole_up_to.get(),
            cookies: *cookies,
            levels: *levels,
            most_streams: *streams,
            cpu_guard: *cpu_guard,
            streams: engines.streams_of(owner),
            engines: Arc::clone(engines),
        }
    }

    /// What this client may get.
    pub fn accept(&self, method: &Method, version: Version, fields: FieldView<'_>) -> Offer {
        Offer::new(&self.encodings, method, version, fields)
    }

    /// Whether a body of this length is best compressed in one go, so that it is worth waiting for all of it.
    pub fn is_whole(&self, length: u64) -> bool {
        length > 0 && (self.min_size..=self.whole_up_to).contains(&length)
    }

    /// What becomes of a response. `length` is that of its body; one that is not known counts as large.
    ///
    /// Statuses make no difference as long as a body goes with them: an error page compresses as well as any other.
    pub fn decide(
        &self,
        offer: Offer,
        status: StatusCode,
        fields: FieldView<'_>,
        length: Option<u64>,
    ) -> Plan {
        let is_confirmation = status == StatusCode::NOT_MODIFIED;
        let may_be = if is_confirmation {
            // It has the fields of no body, `Content-Type` among them (RFC 9110 section 15.4.5).
            self.is_ours(fields) && self.has_our_type(fields).unwrap_or(true)
        } else {
            has_whole_body(status)
                && length.is_none_or(|length| length > 0 && length >= self.min_size)
                && self.is_ours(fields)
                && self.has_our_type(fields).unwrap_or(false)
        };
        match offer.coding() {
            _ if !may_be => Plan::Untouched,
            Some(_) if is_confirmation && offer.has_what_we_coded() => Plan::Confirmed,
            Some(coding) if !is_confirmation => Plan::Coded(coding),
            _ => Plan::Plain,
        }
    }

    /// Compresses a body that is all there.
    pub fn whole(&self, coding: Coding, body: &[u8], load: Load) -> Result<Bytes, Skipped> {
        let level = self.level(coding, load)?;
        encoder::whole(&self.engines, coding, level, body)
            .map_err(|Broken| Skipped::Broken)?
            .ok_or(Skipped::NoGain)
    }

    /// Begins to compress a body that comes in pieces. `length` is what its head has said of it: one that turns out
    /// to have another length cannot be finished.
    pub fn stream(
        &self,
        coding: Coding,
        length: Option<u64>,
        load: Load,
    ) -> Result<Encoder, Skipped> {
        let level = self.level(coding, load)?;
        let seat = self
            .streams
            .seat(self.most_streams)
            .ok_or(Skipped::Streams)?;
        Encoder::begin(&self.engines, seat, coding, level, length).map_err(|Broken| Skipped::Broken)
    }

    fn level(&self, coding: Coding, load: Load) -> Result<u8, Skipped> {
        let level = self.levels.of(coding);
        if self.cpu_guard {
            guard::eased(coding, level, load).ok_or(Skipped::Load)
        } else {
            Ok(level)
        }
    }

    /// Whether nothing that the server says of its response forbids to change it.
    fn is_ours(&self, fields: FieldView<'_>) -> bool {
        (self.cookies || !fields.contains(SET_COOKIE))
            && !fields.contains(CONTENT_RANGE)
            && !fields.contains(SIGNATURE_INPUT)
            && only(fields, &CONTENT_ENCODING, &["identity"])
            && only(fields, &TRANSFER_ENCODING, &["chunked"])
            && !names(fields, &CACHE_CONTROL, "no-transform")
            && !DIGESTS
                .iter()
                .any(|digest| names(fields, &TRAILER, digest.as_str()))
    }

    /// Nothing where the field is absent.
    fn has_our_type(&self, fields: FieldView<'_>) -> Option<bool> {
        let value = fields.get(CONTENT_TYPE)?;
        Some(self.types.have(value))
    }
}

/// Whether a response of this status is the whole of a representation, or of what is said in its place.
fn has_whole_body(status: StatusCode) -> bool {
    let without = [
        StatusCode::NO_CONTENT,
        StatusCode::RESET_CONTENT,
        StatusCode::PARTIAL_CONTENT,
        StatusCode::NOT_MODIFIED,
    ];
    !status.is_informational() && !without.contains(&status)
}

/// Whether every element of a list is one of these, in any case.
fn only(fields: FieldView<'_>, name: &HeaderName, allowed: &[&str]) -> bool {
    elements(fields, name).all(|element| {
        let is = |allowed: &&str| element.eq_ignore_ascii_case(allowed.as_bytes());
        allowed.iter().any(is)
    })
}

/// Whether a list has this element, in any case.
fn names(fields: FieldView<'_>, name: &HeaderName, element: &str) -> bool {
    elements(fields, name).any(|one| one.eq_ignore_ascii_case(element.as_bytes()))
}

/// The elements of a list that is written in one line or several; empty ones do not count (RFC 9110 section 5.6.1).
fn elements<'a>(fields: FieldView<'a>, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    fields
        .get_all(name)
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}
