//! The head of a request, whatever type its lane keeps it in.

use http::{Method, Version};
use pingora::http::RequestHeader;

use crate::admit::FieldView;

/// What the client asks for, in its own words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) method: &'a Method,
    pub(super) version: Version,
    /// As it was sent: a path with its query, or by HTTP/1 an absolute URI.
    pub(super) target: &'a [u8],
    /// What HTTP/2 names beside the target.
    pub(super) authority: Option<&'a str>,
    pub(super) fields: FieldView<'a>,
}

impl Head<'_> {
    /// The bytes of a header as `SETTINGS_MAX_HEADER_LIST_SIZE` counts them (RFC 9113 section 6.5.2).
    pub(super) fn size(&self) -> usize {
        let mut size = self.target.len();
        self.fields
            .for_each(|name, value| size += name.len() + value.len() + 32);
        size
    }
}

impl<'a> From<&'a RequestHeader> for Head<'a> {
    fn from(header: &'a RequestHeader) -> Self {
        let authority = header.uri.authority().map(http::uri::Authority::as_str);
        Self {
            method: &header.method,
            version: header.version,
            target: header.raw_path(),
            authority: authority.filter(|_| header.version == Version::HTTP_2),
            fields: (&header.headers).into(),
        }
    }
}
