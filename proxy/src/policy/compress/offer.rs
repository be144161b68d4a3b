//! What one client may get, by what its request says.

use http::{
    Method, Version,
    header::{ACCEPT_ENCODING, CACHE_CONTROL, IF_NONE_MATCH},
};

use super::{elements, names};
use crate::{
    admit::FieldView,
    policy::{AcceptEncoding, Choice, Coding},
};

/// Kept with the exchange until the response comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    coding: Option<Coding>,
    /// Every tag that the client asks by is strong: what it has was not coded by us.
    has_strong_tags_only: bool,
}

impl Offer {
    /// The coding that the client takes, if it takes one of ours.
    ///
    /// None for whoever asks that nothing be transformed (RFC 9111 section 5.2.1.6); for HTTP/1.0, whose clients and
    /// caches know little of codings, and whose streams have no end but the connection's; and for CONNECT, which
    /// has no body but a tunnel. A client that takes neither our codings nor a body without one gets it as it is:
    /// RFC 9110 section 12.5.3 asks the origin to judge, and it may have a coding that we do not know.
    ///
    /// HEAD is offered what GET would be (section 9.3.2).
    pub(super) fn new(
        encodings: &[Coding],
        method: &Method,
        version: Version,
        fields: FieldView<'_>,
    ) -> Self {
        if *method == Method::CONNECT || version < Version::HTTP_11 {
            return Self::default();
        }
        if !fields.contains(ACCEPT_ENCODING) || names(fields, &CACHE_CONTROL, "no-transform") {
            return Self::default();
        }
        let accepted = AcceptEncoding::parse(fields.get_all(ACCEPT_ENCODING));
        let coding = match accepted.choose(encodings) {
            Choice::Coded(coding) => Some(coding),
            Choice::Identity | Choice::Nothing => None,
        };
        let mut tags = elements(fields, &IF_NONE_MATCH).peekable();
        Self {
            coding,
            has_strong_tags_only: tags.peek().is_some() && tags.all(|tag| tag.starts_with(b"\"")),
        }
    }

    pub fn coding(self) -> Option<Coding> {
        self.coding
    }

    /// Whether what the client has, and a 304 confirms, may be of our coding: that has a weak tag.
    pub(super) fn has_what_we_coded(self) -> bool {
        !self.has_strong_tags_only
    }
}
