//! Fields by which browsers make a page harder to abuse.
//!
//! `X-XSS-Protection` is not among them: browsers have dropped the filter that it steered, and in old ones it opened
//! holes that were not there before. HSTS is a policy of its own, which a route with these has unless it says otherwise.

use http::{
    HeaderName, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
};

use crate::{
    config::model::{self, FrameOptions},
    forward::Fields,
};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The fields, ready to be sent.
#[derive(Debug)]
pub struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    pub fn new(spec: &model::SecurityHeaders) -> Self {
        let model::SecurityHeaders {
            frame_options,
            referrer_policy,
            permissions_policy,
            content_security_policy,
            hsts: _, // a policy of its own since the configuration was resolved
        } = spec;
        let frame_options = frame_options.map(|options| match options {
            FrameOptions::Deny => HeaderValue::from_static("DENY"),
            FrameOptions::SameOrigin => HeaderValue::from_static("SAMEORIGIN"),
        });
        let fields = [
            (X_FRAME_OPTIONS, frame_options),
            (
                REFERRER_POLICY,
                referrer_policy.map(HeaderValue::from_static),
            ),
            (PERMISSIONS_POLICY, permissions_policy.clone()),
            (CONTENT_SECURITY_POLICY, content_security_policy.clone()),
        ];
        let fields = fields.into_iter();
        Self(
            fields
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
        )
    }

    /// What a server says itself stands, as an application knows its pages better than its edge does. Only `nosniff` is
    /// said in any case: it is the one value that this field has.
    pub(super) fn respond(&self, fields: &mut impl Fields) {
        fields.set(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        for (name, value) in &self.0 {
            fields.fill(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    /// What a client sees of a server's response with these fields of its own.
    fn seen(spec: &model::SecurityHeaders, sent: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut fields = HeaderMap::new();
        for (name, value) in sent {
            fields.append(*name, HeaderValue::from_static(value));
        }
        SecurityHeaders::new(spec).respond(&mut fields);
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<_> = fields.iter().map(line).collect();
        lines.sort();
        lines
    }

    const DEFAULT: [&str; 4] = [
        "permissions-policy: hid=(), midi=(), serial=(), usb=()",
        "referrer-policy: strict-origin-when-cross-origin",
        "x-content-type-options: nosniff",
        "x-frame-options: SAMEORIGIN",
    ];

    #[test]
    fn the_preset_is_these_four() {
        assert_eq!(seen(&model::SecurityHeaders::default(), &[]), DEFAULT);
    }

    #[test]
    fn each_but_nosniff_can_be_left_out_or_said_in_another_way() {
        let none = model::SecurityHeaders {
            frame_options: None,
            referrer_policy: None,
            permissions_policy: None,
            ..model::SecurityHeaders::default()
        };
        assert_eq!(seen(&none, &[]), ["x-content-type-options: nosniff"]);
        let strict = model::SecurityHeaders {
            frame_options: Some(FrameOptions::Deny),
            referrer_policy: Some("no-referrer"),
            permissions_policy: Some(HeaderValue::from_static("camera=()")),
            content_security_policy: Some(HeaderValue::from_static("default-src 'self'")),
            ..model::SecurityHeaders::default()
        };
        assert_eq!(
            seen(&strict, &[]),
            [
                "content-security-policy: default-src 'self'",
                "permissions-policy: camera=()",
                "referrer-policy: no-referrer",
                "x-content-type-options: nosniff",
                "x-frame-options: DENY",
            ]
        );
    }

    #[test]
    fn what_the_server_says_itself_stands() {
        let spec = model::SecurityHeaders {
            content_security_policy: Some(HeaderValue::from_static("default-src 'self'")),
            ..model::SecurityHeaders::default()
        };
        let servers = [
            ("content-security-policy", "script-src 'none'"),
            ("content-security-policy", "img-src *"),
            ("permissions-policy", "usb=(self)"),
            ("referrer-policy", "origin"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "sniff"),
            ("x-content-type-options", "nosniff"),
        ];
        assert_eq!(
            seen(&spec, &servers),
            [
                "content-security-policy: img-src *",
                "content-security-policy: script-src 'none'",
                "permissions-policy: usb=(self)",
                "referrer-policy: origin",
                "x-content-type-options: nosniff",
                "x-frame-options: DENY",
            ]
        );
    }
}
