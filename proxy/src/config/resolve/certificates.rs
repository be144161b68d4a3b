//! Certificates of the whole configuration: where they come from, and whether anybody can issue and show them.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use http::Uri;

use super::{issuers::Issuers, tls_listeners};
use crate::config::{
    model::{Certificate, CertificateSource, Challenge, Issuer},
    problem::{Located, Problem, Problems, Span, quoted},
    read::{CertificateDraft, Draft, SourceDraft},
};

/// Names that no public CA issues for: nobody owns them (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and ICANN's choice
/// of `internal`; `lan` is merely common).
const PRIVATE: [&str; 9] = [
    "localhost",
    "local",
    "internal",
    "lan",
    "home.arpa",
    "test",
    "example",
    "invalid",
    "alt",
];

/// What stops a configuration from being used.
pub(super) fn refuse(draft: &Draft, issuers: &Issuers, problems: &Problems) {
    issuers.refuse_circles(problems);
    two_defaults(&draft.certificates, problems);
    hosts_ordered_twice(&draft.certificates, problems);
    wildcards(&draft.certificates, issuers, problems);
    if !problems.has_errors() {
        issuers.refuse_unanswered(&used(draft, issuers), problems);
    }
}

/// What is odd about one that can be used.
pub(super) fn warn(draft: &Draft, issuers: &Issuers, problems: &Problems) {
    let used = used(draft, issuers);
    issuers.warn_of_ports(&used, problems);
    issuers.warn_of_idle(&used, problems);
    private_hosts(&draft.certificates, issuers, problems);
    if tls_listeners(draft).next().is_some() {
        return;
    }
    for certificate in &draft.certificates {
        problems.push(
            Problem::warning("no listener can serve this certificate")
                .at(&certificate.at)
                .hint("add `tls: intermediate` to a listener"),
        );
    }
}

/// A certificate with its issuer found, or nothing; then [`Issuers::of`] has reported it.
pub(super) fn certificate(draft: CertificateDraft, issuers: &Issuers) -> Option<Certificate> {
    let source = match draft.source {
        SourceDraft::Ready(source) => source,
        SourceDraft::Acme(name) => CertificateSource::Acme(issuers.index(&name.value)?),
    };
    Some(Certificate {
        hosts: draft.hosts,
        source,
        is_default: draft.default_at.is_some(),
    })
}

/// Certificates by ACME, with the index of their issuer.
fn by_acme<'a>(
    certificates: &'a [CertificateDraft],
    issuers: &'a Issuers,
) -> impl Iterator<Item = (&'a CertificateDraft, usize)> {
    certificates.iter().filter_map(|it| match &it.source {
        SourceDraft::Acme(name) => Some((it, issuers.index(&name.value)?)),
        SourceDraft::Ready(_) => None,
    })
}

/// The issuers that some certificate may come from, fallbacks among them.
fn used(draft: &Draft, issuers: &Issuers) -> BTreeSet<usize> {
    by_acme(&draft.certificates, issuers)
        .flat_map(|(_, first)| issuers.chain(first))
        .map(|(index, _)| index)
        .collect()
}

fn two_defaults(certificates: &[CertificateDraft], problems: &Problems) {
    let mut defaults = certificates.iter().filter_map(|it| it.default_at.as_ref());
    let Some(first) = defaults.next() else { return };
    for second in defaults {
        problems.push(
            Problem::error("a second certificate is the default")
                .at(second)
                .hint(format!("the first is at {first}")),
        );
    }
}

fn hosts_ordered_twice(certificates: &[CertificateDraft], problems: &Problems) {
    let mut seen: HashMap<&str, (usize, &Span)> = HashMap::new();
    for (number, certificate) in certificates.iter().enumerate() {
        if matches!(certificate.source, SourceDraft::Ready(_)) {
            continue;
        }
        for host in &certificate.hosts {
            let Some(at) = &host.span else { continue };
            let (owner, first) = *seen.entry(&host.value).or_insert((number, at));
            // Twice in one certificate has been reported when it was read.
            if owner != number {
                problems.push(
                    Problem::error(format!(
                        "{} is in two certificates by ACME",
                        quoted(&host.value)
                    ))
                    .at(at)
                    .hint(format!("the first is at {first}; keep one of them")),
                );
            }
        }
    }
}

/// Only dns-01 proves that a whole domain is ours (RFC 8555 section 7.1.3; the CAs' Baseline Requirements 3.2.2.4).
fn wildcards(certificates: &[CertificateDraft], issuers: &Issuers, problems: &Problems) {
    let is_dns = |challenge: &Located<Challenge>| matches!(challenge.value, Challenge::Dns01(_));
    for (certificate, first) in by_acme(certificates, issuers) {
        let is_wildcard = |host: &&Located<String>| host.value.starts_with("*.");
        let Some(wildcard) = certificate.hosts.iter().find(is_wildcard) else {
            continue;
        };
        for (index, issuer) in issuers.chain(first) {
            if issuer.challenges.iter().any(is_dns) {
                continue;
            }
            let name = &issuer.issuer.name;
            let problem = if index == first {
                Problem::error("a wildcard needs the challenge dns-01")
            } else {
                Problem::warning(format!(
                    "the fallback {} cannot help with a wildcard",
                    quoted(name)
                ))
            };
            problems.push(problem.at_value(wildcard).hint(format!(
                "give {name} under `acme` its `challenge: {{ dns-01: {{ command: [./dns-hook] }} }}`"
            )));
        }
    }
}

fn private_hosts(certificates: &[CertificateDraft], issuers: &Issuers, problems: &Problems) {
    for (certificate, first) in by_acme(certificates, issuers) {
        let is_public = issuers
            .chain(first)
            .next()
            .is_some_and(|(_, it)| is_public(&it.issuer));
        if !is_public {
            continue;
        }
        for host in &certificate.hosts {
            let (message, hint) = if host.value.parse::<IpAddr>().is_ok() {
                (
                    "is an address, not a name",
                    "who connects to an address asks for no certificate by name; write a host name",
                )
            } else if is_private(&host.value) {
                (
                    "is a private name: no public CA issues for it",
                    "use `self_signed: true`, or a CA of your own",
                )
            } else {
                continue;
            };
            problems.push(
                Problem::warning(format!("{} {message}", quoted(&host.value)))
                    .at_value(host)
                    .hint(hint),
            );
        }
    }
}

/// Whether the CA is one of the internet: no root of its own, and a name that anybody can look up.
fn is_public(issuer: &Issuer) -> bool {
    let uri = issuer.directory.parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    issuer.root.is_none()
        && !host.starts_with('[')
        && host.parse::<IpAddr>().is_err()
        && !is_private(host)
}

fn is_private(host: &str) -> bool {
    let host = host.strip_prefix("*.").unwrap_or(host);
    !host.contains('.')
        || PRIVATE.iter().any(|suffix| {
            host.strip_suffix(suffix)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_owns_are_private() {
        for host in [
            "localhost",
            "*.localhost",
            "nas",
            "nas.lan",
            "a.b.home.arpa",
            "x.test",
            "db.internal",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "example.ch",
            "*.example.ch",
            "mylan.ch",
            "localhost.example.ch",
            "atlan.org",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }
}
