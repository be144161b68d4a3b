//! What is odd about a certificate from files, but no hindrance: it is served, and clients may refuse it.

#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use x509_parser::{
    prelude::{FromDer, X509Certificate},
    public_key::PublicKey,
};

use super::{Facts, Shown, written};
use crate::config::problem::{Located, Problem};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A certificate that ends within this should have been renewed; one that lives for days only, within the
/// last third of its life.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// Every doubt about `shown`, which was read from the file `chain` for `hosts`.
///
/// An expired certificate is no error: a proxy that does not start is worse for those who still have clients
/// that go on, and what to serve is the operator's choice.
pub fn doubts(
    shown: &Shown,
    hosts: &[Located<String>],
    chain: &Located<PathBuf>,
    now: SystemTime,
) -> Vec<Problem> {
    let file = chain.value.display().to_string();
    let certificates: Vec<_> = shown
        .chain
        .cert
        .iter()
        .filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1))
        .collect();
    let mut doubts = Vec::new();
    doubts.extend(time(&shown.facts, &file, now));
    for der in shown.chain.cert.iter().skip(1) {
        doubts.extend(Facts::read(der).ok().and_then(|facts| {
            let name = format!("{file}: \"{}\"", facts.subject);
            // Clients know roots by themselves.
            time(&facts, &name, now).filter(|_| facts.subject != facts.issuer)
        }));
    }
    doubts.extend(links(&certificates, &file));
    doubts.extend(certificates.iter().filter_map(|it| weak_key(it, &file)));
    doubts.extend(
        certificates
            .iter()
            .filter_map(|it| weak_signature(it, &file)),
    );
    let mut doubts: Vec<_> = doubts.into_iter().map(|it| it.at_value(chain)).collect();
    doubts.extend(uncovered(&shown.facts, hosts, &file));
    doubts
}

/// `name` is that of a file, or of a certificate in it.
fn time(facts: &Facts, name: &str, now: SystemTime) -> Option<Problem> {
    let (begins, ends) = (written(facts.not_before), written(facts.not_after));
    if now < facts.not_before {
        return Some(
            Problem::warning(format!("{name} is not valid before {begins}"))
                .hint("clients refuse it until then; see whether this machine's clock is right"),
        );
    }
    let Ok(left) = facts.not_after.duration_since(now) else {
        return Some(
            Problem::warning(format!("{name} has expired on {ends}"))
                .hint("it is served all the same, and clients refuse it; renew it"),
        );
    };
    (left < SOON.min(facts.lifetime() / 3)).then(|| {
        Problem::warning(format!("{name} expires on {ends}, {}", within(left)))
            .hint("renew it; new files are taken up when they are there, without a reload")
    })
}

fn within(left: Duration) -> String {
    match left.as_secs() / DAY.as_secs() {
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

/// Whether each certificate is followed by the one that vouches for it (RFC 5246 section 7.4.2; RFC 8446
/// section 4.4.2 lets clients cope with less, and not all do).
fn links(chain: &[X509Certificate<'_>], file: &str) -> Option<Problem> {
    let path = path(chain);
    let last = path.last().and_then(|&at| chain.get(at))?;
    let issuer = last.issuer();
    if path.len() == 1 && !is_self_signed(last) {
        return Some(
            Problem::warning(format!(
                "{file} holds no certificate that vouches for the first: clients will look for \"{issuer}\""
            ))
            .hint("append the intermediate certificates; CAs hand out a file with all, such as fullchain.pem"),
        );
    }
    if let Some(stray) = (0..chain.len()).find(|at| !path.contains(at)) {
        let subject = chain.get(stray)?.subject();
        return Some(
            Problem::warning(format!(
                "{file} holds \"{subject}\", which has no part in the chain"
            ))
            .hint(format!(
                "remove it, or add what lies between: the chain ends with what \"{issuer}\" has signed"
            )),
        );
    }
    (!path.is_sorted()).then(|| {
        Problem::warning(format!("{file} holds the certificates in the wrong order"))
            .hint("the server's own comes first, then each that vouches for the one before")
    })
}

/// From the first certificate, each time the one that vouches for the one before, wherever it stands.
fn path(chain: &[X509Certificate<'_>]) -> Vec<usize> {
    let mut path = vec![0];
    let mut last = chain.first();
    while let Some(certificate) = last.filter(|last| !is_self_signed(last)) {
        let issuer = certificate.issuer().as_raw();
        let next = (0..chain.len())
            .filter(|at| !path.contains(at))
            .find(|&at| {
                chain
                    .get(at)
                    .is_some_and(|it| it.subject().as_raw() == issuer)
            });
        path.extend(next);
        last = next.and_then(|at| chain.get(at));
    }
    path
}

fn weak_key(certificate: &X509Certificate<'_>, file: &str) -> Option<Problem> {
    let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed() else {
        return None;
    };
    let (bits, subject) = (key.key_size(), certificate.subject());
    (bits < 2048).then(|| {
        Problem::warning(format!(
            "{file}: the RSA key of \"{subject}\" has {bits} bits"
        ))
        .hint("clients refuse fewer than 2048")
    })
}

fn weak_signature(certificate: &X509Certificate<'_>, file: &str) -> Option<Problem> {
    let hash = match certificate
        .signature_algorithm
        .algorithm
        .to_id_string()
        .as_str()
    {
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => "SHA-1",
        "1.2.840.113549.1.1.4" => "MD5",
        _ => return None,
    };
    // Nobody checks what a root has signed for itself.
    (!is_self_signed(certificate)).then(|| {
        let subject = certificate.subject();
        Problem::warning(format!("{file}: \"{subject}\" is signed with {hash}"))
            .hint("clients refuse such signatures; have it issued again")
    })
}

fn uncovered(facts: &Facts, hosts: &[Located<String>], file: &str) -> Vec<Problem> {
    let missed = hosts.iter().filter(|host| !facts.covers(&host.value));
    missed
        .map(|host| {
            let problem =
                Problem::warning(format!("{file} is not for \"{}\"", host.value)).at_value(host);
            if facts.names.is_empty() {
                return problem.hint("it names no host at all; clients do not look at its subject");
            }
            problem.hint(format!("it is for {}", some(&facts.names)))
        })
        .collect()
}

/// As many names as a line can bear.
fn some(names: &[String]) -> String {
    const MOST: usize = 5;
    match names.get(..MOST) {
        Some(first) if names.len() > MOST => {
            format!("{} and {} more", first.join(", "), names.len() - MOST)
        }
        _ => names.join(", "),
    }
}

fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}
