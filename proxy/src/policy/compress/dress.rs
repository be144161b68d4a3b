//! The fields of a response after compression has had its say.

use http::{
    HeaderName, HeaderValue,
    header::{ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY},
};

use super::names;
use crate::{admit::FieldView, forward::Fields, policy::Coding};

/// What becomes of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It is not for us to change, whoever asks.
    Untouched,
    /// It goes as it is, but to another client it would go compressed: `Vary` says so.
    Plain,
    /// It is a 304 for what the client may have compressed.
    Confirmed,
    /// It is compressed.
    Coded(Coding),
}

/// What promises something of the bytes that were: RFC 9530, RFC 3230 and RFC 1864.
pub(super) const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

impl Plan {
    pub fn coding(self) -> Option<Coding> {
        match self {
            Self::Coded(coding) => Some(coding),
            Self::Untouched | Self::Plain | Self::Confirmed => None,
        }
    }

    /// What it becomes where compression was skipped.
    #[must_use]
    pub fn without_coding(self) -> Self {
        match self {
            Self::Coded(_) => Self::Plain,
            other => other,
        }
    }

    /// Makes the fields true. `Content-Length` goes where the body changes, and for HEAD where that of GET would:
    /// the length of a body that nobody has compressed is not known (RFC 9110 section 8.6 lets it be left out).
    pub fn dress(self, fields: &mut impl Fields) {
        if self == Self::Untouched {
            return;
        }
        vary(fields);
        if self == Self::Plain {
            return;
        }
        weaken(fields);
        // Ranges of the coded body are nothing that the server could send.
        for name in [CONTENT_LENGTH, ACCEPT_RANGES].iter().chain(&DIGESTS) {
            if fields.view().contains(name) {
                fields.remove(name);
            }
        }
        if let Self::Coded(coding) = self {
            fields.set(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
        }
    }
}

/// Names `Accept-Encoding` in `Vary`, if that does not say it, or everything, already (RFC 9110 section 12.5.5).
fn vary(fields: &mut impl Fields) {
    if !has_vary(fields.view()) {
        fields.add(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

fn has_vary(fields: FieldView<'_>) -> bool {
    names(fields, &VARY, ACCEPT_ENCODING.as_str()) || names(fields, &VARY, "*")
}

/// Makes a strong entity tag a weak one (RFC 9110 section 8.8.3). What is no tag goes: someone may take it for strong.
fn weaken(fields: &mut impl Fields) {
    let Some(tag) = fields.view().get(ETAG) else {
        return;
    };
    if tag.starts_with(b"W/\"") {
        return;
    }
    let weak = match tag {
        [b'"', .., b'"'] => HeaderValue::from_bytes(&[b"W/", tag].concat()).ok(),
        _ => None,
    };
    match weak {
        Some(weak) => fields.set(ETAG, weak),
        None => fields.remove(&ETAG),
    }
}
