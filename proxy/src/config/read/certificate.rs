//! Certificates: for which hosts, and where from.

use super::{file_path, host, refuse_doubles};
use crate::config::{
    decode::{Fields, text},
    model::{CertificateSource, HostPattern},
    problem::{Located, Problem, Problems, Span, quoted},
    raw::{Entry, Node},
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
        Key::new(
            "acme",
            Kind::Text("the name of an issuer such as letsencrypt"),
            "obtain it by ACME, and renew it in time",
        ),
        Key::new(
            "default",
            Kind::Flag,
            "show it to clients that name no host, or an unknown one",
        ),
    ],
};

/// Hosts of one certificate by ACME at most: what Let's Encrypt allows.
const MOST_ACME_HOSTS: usize = 100;

/// Letters of one of them at most: with what stands before and after it, it becomes the name of a file.
const LONGEST_ACME_HOST: usize = 200;

/// A certificate whose issuer is still a name.
pub(in crate::config) struct CertificateDraft {
    pub(in crate::config) hosts: Vec<Located<String>>,
    pub(in crate::config) source: SourceDraft,
    /// Where it is made the default one, if it is.
    pub(in crate::config) default_at: Option<Span>,
    pub(in crate::config) at: Span,
}

pub(in crate::config) enum SourceDraft {
    Acme(Located<String>),
    /// One that names nothing.
    Ready(CertificateSource),
}

pub(super) fn read(node: &Node, problems: &Problems) -> Option<CertificateDraft> {
    let fields = Fields::of(node, &node.span, &TABLE, problems)?;
    let hosts = hosts(&fields);
    let is_default = fields.flag("default").unwrap_or(false);
    let default_at = fields.node("default").map(|node| node.span.clone());
    Some(CertificateDraft {
        source: source(&fields, &hosts)?,
        hosts,
        default_at: default_at.filter(|_| is_default),
        at: node.span.clone(),
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

/// Exactly one of `acme`, `self_signed`, and `chain` with `key`.
fn source(fields: &Fields<'_>, hosts: &[Located<String>]) -> Option<SourceDraft> {
    let is_self_signed = fields.flag("self_signed").unwrap_or(false);
    let self_signed = fields.entry("self_signed").filter(|_| is_self_signed);
    let (chain, key) = (fields.entry("chain"), fields.entry("key"));
    let sources = [fields.entry("acme"), self_signed, chain.or(key)];
    let mut named = sources.into_iter().flatten();
    let Some(first) = named.next() else {
        // Of a key that is not known enough has been said.
        if fields.is_sound {
            fields.error(
                fields.at,
                "this certificate comes from nowhere",
                "add `acme: letsencrypt`, `chain` and `key`, or `self_signed: true`",
            );
        }
        return None;
    };
    if let Some(second) = named.next() {
        fields.error(
            &second.at,
            format!(
                "a certificate has {} or {}, not both",
                quoted(&first.key),
                quoted(&second.key)
            ),
            "it comes from one place: by ACME, self-signed, or from files",
        );
        return None;
    }
    match first.key.as_str() {
        "acme" => by_acme(fields, hosts),
        "self_signed" => Some(SourceDraft::Ready(CertificateSource::SelfSigned)),
        _ => from_files(fields, chain, key),
    }
}

fn by_acme(fields: &Fields<'_>, hosts: &[Located<String>]) -> Option<SourceDraft> {
    for host in hosts {
        is_issued(host, fields.problems);
    }
    let nodes = fields.list("hosts").unwrap_or_default();
    if let Some(node) = nodes.get(MOST_ACME_HOSTS) {
        fields.error(
            &node.span,
            format!("a certificate by ACME has {MOST_ACME_HOSTS} hosts at most"),
            format!(
                "these are {}; make several certificates of them",
                nodes.len()
            ),
        );
    }
    let name = fields.text("acme")?;
    Some(SourceDraft::Acme(Located {
        value: name.value.to_owned(),
        span: name.span,
    }))
}

/// Refuses what no CA issues for. It also becomes a file's name in the state directory, where `_` stands for
/// the `*` of a wildcard, and where names are not endless.
fn is_issued(host: &Located<String>, problems: &Problems) {
    let name = quoted(&host.value);
    let problem = if host.value.split('.').any(|label| label.starts_with('_')) {
        Problem::error(format!(
            "{name} has a part that begins with _, and no CA issues for it"
        ))
        .hint("remove the _, or take the certificate from files, with `chain` and `key`")
    } else if host.value.len() > LONGEST_ACME_HOST {
        Problem::error(format!(
            "{name} is longer than the {LONGEST_ACME_HOST} letters of a host by ACME"
        ))
        .hint("write a shorter name, or take the certificate from files, with `chain` and `key`")
    } else {
        return;
    };
    problems.push(problem.at_value(host));
}

fn from_files(
    fields: &Fields<'_>,
    chain: Option<&Entry>,
    key: Option<&Entry>,
) -> Option<SourceDraft> {
    let (at, message, hint) = match (chain, key) {
        (Some(chain), None) => (
            &chain.at,
            "\"chain\" needs \"key\" beside it",
            "add the PEM file with the private key: `key: certs/example.key`",
        ),
        (None, Some(key)) => (
            &key.at,
            "\"key\" needs \"chain\" beside it",
            "add the PEM file with the certificates: `chain: certs/example.pem`",
        ),
        _ => {
            let (chain, key) = (file_path(fields, "chain"), file_path(fields, "key"));
            return Some(SourceDraft::Ready(CertificateSource::Files {
                chain: chain?,
                key: key?,
            }));
        }
    };
    fields.error(at, message, hint);
    None
}
