//! What browsers are told so that a page is harder to abuse.

use std::sync::Arc;

use http::HeaderValue;

use super::Hsts;

/// Fields that are added where the server does not say the same itself. `None` leaves one out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityHeaders {
    /// `X-Frame-Options`. Default [`FrameOptions::SameOrigin`].
    pub frame_options: Option<FrameOptions>,
    /// `Referrer-Policy`, a word of the standard. Default [`Self::REFERRER_POLICY`].
    pub referrer_policy: Option<&'static str>,
    /// `Permissions-Policy`. Default [`Self::PERMISSIONS_POLICY`].
    pub permissions_policy: Option<HeaderValue>,
    /// `Content-Security-Policy`. Default none: nobody but the application knows what its pages load.
    pub content_security_policy: Option<HeaderValue>,
    /// What a route promises that has these headers, where neither it nor `defaults` speaks of `hsts`.
    pub hsts: Arc<Hsts>,
}

impl SecurityHeaders {
    /// What browsers do by themselves today, said to those that do not.
    pub const REFERRER_POLICY: &'static str = "strict-origin-when-cross-origin";

    /// Devices that next to no page asks for, of the names that browsers know without a warning. Camera, microphone, geolocation and payment are left alone: pages of every
    /// kind use them, and browsers ask the visitor in any case.
    pub const PERMISSIONS_POLICY: HeaderValue =
        HeaderValue::from_static("hid=(), midi=(), serial=(), usb=()");
}

impl Default for SecurityHeaders {
    fn default() -> Self {
        Self {
            frame_options: Some(FrameOptions::SameOrigin),
            referrer_policy: Some(Self::REFERRER_POLICY),
            permissions_policy: Some(Self::PERMISSIONS_POLICY),
            content_security_policy: None,
            hsts: Arc::default(),
        }
    }
}

/// Who may show a page in a frame (RFC 7034).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameOptions {
    /// Nobody.
    Deny,
    /// Pages of the same origin.
    SameOrigin,
}
