//! Certificates: for which hosts, and where from.

use super::{file_path, host, refuse_doubles};
use crate::config::{
    decode::{Fields, text},
    model::{Certificate, CertificateSource, HostPattern},
    problem::{Located, Problems},
    raw::Node,
    table::{Key, Kind, Table},
};

pub(in crate::config) static TABLE: Table = Table {
    of: "a certificate",
    keys: &[
        Key::required(
            "hosts",
            Kind::OneOrMore("host names such as example.ch or \"*.example.ch\""),
            "the hosts it is shown for, one or a list",
        ),
        Key::new(
            "chain",
            Kind::Text("the path of a PEM file"),
            "a PEM file with the certificate and those that vouch for it",
        ),
        Key::new(
            "key",
            Kind::Text("the path of a PEM file"),
            "a PEM file with the private key",
        ),
        Key::new(
            "self_signed",
            Kind::Flag,
            "sign it with the development CA in the state directory",
        ),
        Key::later(
            "acme",
            "use `chain` and `key`, or `self_signed: true` while you develop",
            "obtain it by ACME",
        ),
    ],
};

pub(super) fn read(node: &Node, problems: &Problems) -> Option<Certificate> {
    let fields = Fields::of(node, &node.span, &TABLE, problems)?;
    let hosts = hosts(&fields);
    Some(Certificate {
        hosts,
        is_default: false,
        source: source(&fields)?,
    })
}

fn hosts(fields: &Fields<'_>) -> Vec<Located<String>> {
    let nodes = fields.list("hosts").unwrap_or_default();
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let written = text(node, "hosts", "a host name", fields.problems)?;
            let name = match host::host(&written, fields.problems)? {
                HostPattern::Exact(name) if name.starts_with('[') => {
                    fields.error(
                        &node.span,
                        format!("{name} is an address, not a name"),
                        "write a host name: who connects to an address asks for no certificate by name",
                    );
                    return None;
                }
                HostPattern::Exact(name) => name,
                HostPattern::Suffix(name) => format!("*.{name}"),
            };
            Some((name, &node.span))
        })
        .collect();
    refuse_doubles(
        found.iter().map(|(name, at)| (name, *at)),
        |name| format!("\"{name}\""),
        fields.problems,
    );
    found
        .into_iter()
        .map(|(name, at)| Located::new(name, at))
        .collect()
}

fn source(fields: &Fields<'_>) -> Option<CertificateSource> {
    let is_self_signed = fields.flag("self_signed").unwrap_or(false);
    let (chain, key) = (fields.entry("chain"), fields.entry("key"));
    match (is_self_signed, chain, key) {
        (true, None, None) => Some(CertificateSource::SelfSigned),
        (true, Some(other), _) | (true, None, Some(other)) => {
            fields.error(
                &other.at,
                "a certificate comes from files or is self-signed, not both",
                "remove `chain` and `key`, or `self_signed`",
            );
            None
        }
        (false, Some(_), Some(_)) => {
            let (chain, key) = (file_path(fields, "chain"), file_path(fields, "key"));
            Some(CertificateSource::Files {
                chain: chain?,
                key: key?,
            })
        }
        (false, Some(chain), None) => {
            fields.error(
                &chain.at,
                "\"chain\" needs \"key\" beside it",
                "add the PEM file with the private key: `key: certs/example.key`",
            );
            None
        }
        (false, None, Some(key)) => {
            fields.error(
                &key.at,
                "\"key\" needs \"chain\" beside it",
                "add the PEM file with the certificates: `chain: certs/example.pem`",
            );
            None
        }
        (false, None, None) => {
            if fields.is_sound {
                fields.error(
                    fields.at,
                    "this certificate comes from nowhere",
                    "add `chain` and `key`, or `self_signed: true`",
                );
            }
            None
        }
    }
}
