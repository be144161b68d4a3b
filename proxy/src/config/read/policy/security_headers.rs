//! Security headers, as a route or `defaults` says them.

use std::sync::Arc;

use http::HeaderValue;

use super::{Said, template};
use crate::config::{
    decode::Fields,
    model::{FrameOptions, SecurityHeaders},
    problem::{Located, Problem, quoted},
    raw::Value,
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "security_headers",
    Kind::FlagOr(&TABLE),
    "tell browsers what makes pages harder to abuse; default false",
);

static TABLE: Table = Table {
    of: "security_headers",
    keys: &[
        Key::new(
            "frame_options",
            Kind::ChoiceOrOff(&["deny", "same_origin", "off"]),
            "who may show a page in a frame: deny, same_origin or off; default same_origin",
        ),
        Key::new(
            "referrer_policy",
            Kind::ChoiceOrOff(&[
                "no-referrer",
                "no-referrer-when-downgrade",
                "origin",
                "origin-when-cross-origin",
                "same-origin",
                "strict-origin",
                SecurityHeaders::REFERRER_POLICY,
                "unsafe-url",
                "off",
            ]),
            "a word of the standard, or off; default strict-origin-when-cross-origin",
        ),
        Key::new(
            "permissions_policy",
            Kind::TextOrOff(
                "what a page may use, such as \"camera=(), geolocation=(self)\", or off",
            ),
            "what a page may use; default hid=(), midi=(), serial=(), usb=()",
        ),
        Key::new(
            "content_security_policy",
            Kind::TextOrOff("what a page may load, such as \"default-src 'self'\""),
            "what a page may load; default none",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<SecurityHeaders> {
    let entry = fields.entry("security_headers")?;
    let headers = match entry.node.value {
        Value::Map(_) => Some(preset(&fields.fields("security_headers")?)),
        _ => fields
            .flag("security_headers")?
            .then(SecurityHeaders::default),
    };
    Some(Located::new(headers.map(Arc::new), &entry.at))
}

fn preset(fields: &Fields<'_>) -> SecurityHeaders {
    let mut preset = SecurityHeaders::default();
    if let Some(options) = chosen(fields, "frame_options") {
        preset.frame_options = match options {
            "deny" => Some(FrameOptions::Deny),
            "same_origin" => Some(FrameOptions::SameOrigin),
            _ => None,
        };
    }
    if let Some(policy) = chosen(fields, "referrer_policy") {
        preset.referrer_policy = Some(policy).filter(|policy| *policy != "off");
    }
    if says_off(fields, "permissions_policy") {
        preset.permissions_policy = None;
    } else if let Some(policy) = value(fields, "permissions_policy") {
        refuse_feature_policy(fields, &policy);
        preset.permissions_policy = Some(policy);
    }
    if !says_off(fields, "content_security_policy") {
        preset.content_security_policy = value(fields, "content_security_policy");
    }
    preset
}

/// `false` will do as well: in some versions of YAML `off` is that.
fn says_off(fields: &Fields<'_>, name: &str) -> bool {
    fields.node(name).is_some_and(|node| match &node.value {
        Value::Bool(flag) => !flag,
        Value::Text(text) => text == "off",
        _ => false,
    })
}

fn chosen(fields: &Fields<'_>, name: &str) -> Option<&'static str> {
    if says_off(fields, name) {
        return Some("off");
    }
    fields.choice(name).map(|word| word.value)
}

fn value(fields: &Fields<'_>, name: &str) -> Option<HeaderValue> {
    template::fixed(&fields.text(name)?, fields.problems)
}

/// Each of its parts is a feature, `=` and whom it is for. Its predecessor was written in another way, which browsers
/// read as nothing at all.
fn refuse_feature_policy(fields: &Fields<'_>, policy: &HeaderValue) {
    let Some(node) = fields.node("permissions_policy") else {
        return;
    };
    let parts = policy.as_bytes().split(|byte| *byte == b',');
    let mut odd = parts.filter(|part| !part.contains(&b'='));
    if let Some(odd) = odd.next() {
        let odd = String::from_utf8_lossy(odd.trim_ascii());
        fields.problems.push(
            Problem::error(format!("{} permits nothing and forbids nothing", quoted(&odd)))
                .at(&node.span)
                .hint("write camera=() for nobody, camera=(self) for the site itself, with commas between"),
        );
    }
}
