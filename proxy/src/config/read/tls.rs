//! TLS of a listener: a profile, or a mapping that says more.

use std::path::PathBuf;

use super::beside;
use crate::config::{
    decode::{Fields, text},
    model::{ClientCertificates, ClientMode, TlsProfile, TlsSettings, TlsVersion},
    problem::{Located, Problem},
    raw::Value,
    table::{Key, Kind, Table},
};

pub(super) const PROFILES: &[&str] = &["intermediate", "modern"];
const VERSIONS: &[&str] = &["1.2", "1.3"];

pub(super) static TABLE: Table = Table {
    of: "tls",
    keys: &[
        Key::new(
            "profile",
            Kind::Choice(PROFILES),
            "one of Mozilla's profiles; default intermediate",
        ),
        Key::new(
            "min_version",
            Kind::Choice(VERSIONS),
            "the oldest version that is spoken; default that of the profile",
        ),
        Key::new(
            "client_certificates",
            Kind::Mapping(&CLIENTS),
            "ask clients for a certificate",
        ),
    ],
};

static CLIENTS: Table = Table {
    of: "client_certificates",
    keys: &[
        Key::required(
            "ca",
            Kind::OneOrMore("the path of a PEM file"),
            "PEM files with the CAs whose certificates are good, one or a list",
        ),
        Key::new(
            "mode",
            Kind::Choice(&["require", "request"]),
            "whether a client without a certificate is refused or let in; default require",
        ),
        Key::new(
            "crl",
            Kind::OneOrMore("the path of a PEM file"),
            "PEM files with revocation lists, one or a list; then every CA below a root needs one that has not expired",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Option<TlsSettings> {
    match fields.node("tls")?.value {
        Value::Map(_) => settings(&fields.fields("tls")?),
        _ => fields
            .choice("tls")
            .map(|word| TlsSettings::of(profile(word.value))),
    }
}

fn settings(fields: &Fields<'_>) -> Option<TlsSettings> {
    let profile = fields
        .choice("profile")
        .map_or(TlsProfile::Intermediate, |word| profile(word.value));
    let client_certificates = match fields.fields("client_certificates") {
        Some(clients) => Some(client_certificates(&clients)?),
        None => None,
    };
    Some(TlsSettings {
        min_version: min_version(fields, profile).unwrap_or(profile.min_version()),
        client_certificates,
        profile,
    })
}

fn profile(word: &str) -> TlsProfile {
    match word {
        "modern" => TlsProfile::Modern,
        _ => TlsProfile::Intermediate,
    }
}

/// To YAML a version is a number, unless it stands in quotes.
fn min_version(fields: &Fields<'_>, profile: TlsProfile) -> Option<TlsVersion> {
    let node = fields.node("min_version")?;
    let written = match &node.value {
        Value::Float(number) => format!("{number:?}"),
        _ => fields.choice("min_version")?.value.to_owned(),
    };
    let version = match &*written {
        "1.2" => TlsVersion::V1_2,
        "1.3" => TlsVersion::V1_3,
        _ => {
            fields.error(
                &node.span,
                format!("\"min_version\" cannot be {written}"),
                "write 1.2 or 1.3; what is older is broken",
            );
            return None;
        }
    };
    if version < profile.min_version() {
        fields.error(
            &node.span,
            "the profile modern is TLS 1.3 alone",
            "write `profile: intermediate`, or remove `min_version`",
        );
        return None;
    }
    Some(version)
}

fn client_certificates(fields: &Fields<'_>) -> Option<ClientCertificates> {
    let mode = match fields.choice("mode") {
        Some(word) if word.value == "request" => ClientMode::Request,
        _ => ClientMode::Require,
    };
    let crl = files(fields, "crl");
    let ca = files(fields, "ca");
    (!ca.is_empty()).then_some(ClientCertificates { ca, mode, crl })
}

fn files(fields: &Fields<'_>, name: &str) -> Vec<Located<PathBuf>> {
    let nodes = fields.list(name).unwrap_or_default();
    let mut found: Vec<Located<PathBuf>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let written = text(node, name, "the path of a PEM file", fields.problems);
        let Some(path) = written.and_then(|at| beside(fields, name, &at, at.value)) else {
            continue;
        };
        if let Some(first) = found.iter().find(|first| **first == path) {
            let problem = Problem::error(format!(
                "{} stands here a second time",
                path.value.display()
            ));
            let first = first
                .span
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            fields.problems.push(
                problem
                    .at(&node.span)
                    .hint(format!("the first is at {first}")),
            );
        } else {
            found.push(path);
        }
    }
    found
}
