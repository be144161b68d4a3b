//! Issuers: CAs that certificates are obtained from.

use std::time::Duration;

use http::Uri;

use super::{challenge, file_path, host, refuse_doubles};
use crate::config::{
    decode::{Fields, text},
    model::{Challenge, ExternalAccount, Issuer, IssuerLimits, Name},
    problem::{Located, Problem, Problems, Span, quoted},
    raw::Entry,
    table::{Key, Kind, Table},
};

/// Issuers that need no entry, and the URLs of their directories.
pub(in crate::config) const KNOWN: [(&str, &str); 2] = [
    (
        "letsencrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
    ),
    (
        "letsencrypt-staging",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
];

const SECOND: Duration = Duration::from_secs(1);
const MONTH: Duration = Duration::from_secs(30 * 86_400);

pub(in crate::config) static TABLE: Table = Table {
    of: "an issuer",
    keys: &[
        Key::new(
            "directory",
            Kind::Text("the URL of the CA's directory"),
            "where the CA lists what it offers; known for letsencrypt and letsencrypt-staging",
        ),
        Key::new(
            "contact",
            Kind::AnyNumber("a mail address such as ops@example.ch"),
            "whom the CA may write to, one or a list; default nobody",
        ),
        Key::new(
            "challenge",
            Kind::OneOrMoreOr(
                "http-01, tls-alpn-01 or { dns-01: { command: [./dns-hook] } }",
                &challenge::WORDS,
                &challenge::TABLE,
            ),
            "how we show that a host is ours, one or a list; default what the listeners can answer of http-01 and tls-alpn-01",
        ),
        Key::new(
            "external_account",
            Kind::Mapping(&EXTERNAL_ACCOUNT),
            "an account at the CA that ours is bound to",
        ),
        Key::new(
            "profile",
            Kind::Text("a profile of the CA such as shortlived"),
            "the kind of certificate; default the CA's own choice",
        ),
        Key::new(
            "root",
            Kind::Text("the path of a PEM file"),
            "CAs that may vouch for the CA's own server, beside the public ones",
        ),
        Key::new(
            "fallback",
            Kind::Text("the name of another issuer"),
            "who is asked when this one does not deliver",
        ),
        Key::new(
            "limits",
            Kind::Mapping(&LIMITS),
            "what is never asked more of the CA",
        ),
    ],
};

static EXTERNAL_ACCOUNT: Table = Table {
    of: "external_account",
    keys: &[
        Key::required(
            "key_id",
            Kind::Text("the identifier that the CA gave you"),
            "the identifier of the key, from the CA",
        ),
        Key::required(
            "hmac_file",
            Kind::Text("the path of a file"),
            "a file with the HMAC key in base64url, from the CA",
        ),
    ],
};

static LIMITS: Table = Table {
    of: "limits",
    keys: &[
        Key::new(
            "orders",
            Kind::Quota(SECOND..=MONTH),
            "orders of all certificates; default 300/3h",
        ),
        Key::new(
            "duplicates",
            Kind::Quota(SECOND..=MONTH),
            "certificates for the same hosts; default 5/7d",
        ),
        Key::new(
            "failures",
            Kind::Quota(SECOND..=MONTH),
            "failed orders for the same hosts; default 5/1h",
        ),
    ],
};

/// An issuer whose fallback is still a name, and whose challenges may depend on the listeners.
pub(in crate::config) struct IssuerDraft {
    /// Without challenges and fallback.
    pub(in crate::config) issuer: Issuer,
    /// Those that are written; none is the default.
    pub(in crate::config) challenges: Vec<Located<Challenge>>,
    pub(in crate::config) fallback: Option<Located<String>>,
    pub(in crate::config) at: Span,
}

impl IssuerDraft {
    /// One of [`KNOWN`] that has no entry.
    pub(in crate::config) fn known(name: &str, at: &Span) -> Option<Self> {
        let issuer = issuer(name.into(), directory_of(name)?.to_owned());
        Some(Self {
            issuer,
            challenges: Vec::new(),
            fallback: None,
            at: at.clone(),
        })
    }
}

pub(super) fn read(name: Name, entry: &Entry, problems: &Problems) -> Option<IssuerDraft> {
    let fields = Fields::of(&entry.node, &entry.at, &TABLE, problems)?;
    // All are read, whatever the first gives, so that all problems are found.
    let directory = directory(&name, &fields);
    let found = Issuer {
        contact: contact(&fields),
        external_account: fields
            .fields("external_account")
            .and_then(|fields| external_account(&fields)),
        profile: word(&fields, "profile"),
        root: file_path(&fields, "root"),
        limits: fields
            .fields("limits")
            .map_or_else(IssuerLimits::default, |fields| limits(&fields)),
        ..issuer(name, String::new())
    };
    let challenges = challenge::read(&fields);
    let fallback = fields.text("fallback").map(|name| Located {
        value: name.value.to_owned(),
        span: name.span,
    });
    Some(IssuerDraft {
        issuer: Issuer {
            directory: directory?,
            ..found
        },
        challenges,
        fallback,
        at: entry.at.clone(),
    })
}

/// With nothing but a directory.
fn issuer(name: Name, directory: String) -> Issuer {
    Issuer {
        name,
        directory,
        contact: Vec::new(),
        challenges: Vec::new(),
        external_account: None,
        profile: None,
        root: None,
        fallback: None,
        limits: IssuerLimits::default(),
    }
}

fn directory_of(name: &str) -> Option<&'static str> {
    let (_, url) = KNOWN.iter().find(|(known, _)| *known == name)?;
    Some(url)
}

fn directory(name: &str, fields: &Fields<'_>) -> Option<String> {
    if fields.entry("directory").is_none() {
        let known = directory_of(name);
        // A key that is not known is probably this one, misspelt.
        if known.is_none() && fields.is_sound {
            fields.error(
                fields.at,
                format!("the issuer {} needs \"directory\"", quoted(name)),
                "add the URL of the CA's directory; only letsencrypt and letsencrypt-staging go without",
            );
        }
        return known.map(str::to_owned);
    }
    let written = fields.text("directory")?;
    if let Err(hint) = is_https(written.value) {
        fields.problems.push(
            Problem::error(format!("{} is not an https URL", quoted(written.value)))
                .at_value(&written)
                .hint(hint),
        );
        return None;
    }
    Some(written.value.to_owned())
}

/// Whether a text is a URL of https with a host; if not, what to write.
fn is_https(url: &str) -> Result<(), String> {
    if let Some(rest) = url.strip_prefix("http://") {
        return Err(format!(
            "ACME is spoken over TLS alone: write https://{rest}"
        ));
    }
    if !url.contains("://") && url.contains('.') && !url.contains(' ') {
        return Err(format!("write https://{url}"));
    }
    let is_good = url.parse::<Uri>().is_ok_and(|uri| {
        let host = uri.authority().map_or("", http::uri::Authority::as_str);
        uri.scheme_str() == Some("https") && !host.is_empty() && !host.contains('@')
    });
    if is_good {
        return Ok(());
    }
    Err(
        "write it as the CA gives it, such as https://acme-v02.api.letsencrypt.org/directory"
            .into(),
    )
}

/// As `mailto:` URLs, which need nothing else to be said (RFC 8555 section 7.3).
fn contact(fields: &Fields<'_>) -> Vec<String> {
    let nodes = fields.list("contact").unwrap_or_default();
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let written = text(node, "contact", "a mail address", fields.problems)?;
            let address = written.value.strip_prefix("mailto:");
            let address = address.unwrap_or(written.value);
            if !is_mail_address(address) {
                fields.error(
                    &node.span,
                    format!("{} is not a mail address", quoted(written.value)),
                    "write one such as ops@example.ch",
                );
                return None;
            }
            Some((format!("mailto:{address}"), &node.span))
        })
        .collect();
    refuse_doubles(
        found.iter().map(|(address, at)| (address, *at)),
        |address| quoted(address.trim_start_matches("mailto:")),
        fields.problems,
    );
    found.into_iter().map(|(address, _)| address).collect()
}

/// The letters of RFC 5322 section 3.2.3 without those that have a meaning in a `mailto:` URL (RFC 6068).
fn is_mail_address(address: &str) -> bool {
    let Some((user, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ".!#$'*+-/=^_`{|}~".contains(c);
    !user.is_empty()
        && user.len() <= 64
        && user.chars().all(is_letter)
        && domain.contains('.')
        && host::is_name(domain).is_ok()
}

fn external_account(fields: &Fields<'_>) -> Option<ExternalAccount> {
    let (key_id, hmac_file) = (word(fields, "key_id"), file_path(fields, "hmac_file"));
    Some(ExternalAccount {
        key_id: key_id?,
        hmac_file: hmac_file?,
    })
}

/// A text that the CA knows, and we do not.
fn word(fields: &Fields<'_>, name: &str) -> Option<String> {
    let written = fields.text(name)?;
    let is_word = !written.value.is_empty() && written.value.bytes().all(|b| b.is_ascii_graphic());
    if !is_word {
        fields.problems.push(
            Problem::error(format!(
                "{} cannot be {}",
                quoted(name),
                quoted(written.value)
            ))
            .at_value(&written)
            .hint("write it as the CA does, without spaces"),
        );
    }
    is_word.then(|| written.value.to_owned())
}

fn limits(fields: &Fields<'_>) -> IssuerLimits {
    let default = IssuerLimits::default();
    IssuerLimits {
        orders: fields.quota("orders").unwrap_or(default.orders),
        duplicates: fields.quota("duplicates").unwrap_or(default.duplicates),
        failures: fields.quota("failures").unwrap_or(default.failures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_an_https_url() {
        for url in KNOWN.map(|(_, url)| url) {
            assert_eq!(is_https(url), Ok(()), "{url}");
        }
        for url in ["https://127.0.0.1:14000/dir", "https://[::1]:14000/dir"] {
            assert_eq!(is_https(url), Ok(()), "{url}");
        }
        for (url, meant) in [
            ("http://ca.lan/dir", "https://ca.lan/dir"),
            ("ca.lan/dir", "https://ca.lan/dir"),
            ("letsencrypt", "as the CA gives it"),
            ("ftp://ca.lan/dir", "as the CA gives it"),
            ("https://", "as the CA gives it"),
            ("https://a@ca.lan/dir", "as the CA gives it"),
            ("https://ca.lan/a b", "as the CA gives it"),
            ("", "as the CA gives it"),
        ] {
            let hint = is_https(url).unwrap_err();
            assert!(hint.contains(meant), "{url}: {hint}");
        }
    }

    #[test]
    fn a_mail_address_has_a_user_and_a_domain() {
        for address in [
            "ops@example.ch",
            "a.b+c@mail.example.ch",
            "o'x@xn--zrich-kva.ch",
        ] {
            assert!(is_mail_address(address), "{address}");
        }
        for address in [
            "",
            "ops",
            "@example.ch",
            "ops@",
            "ops@localhost",
            "a b@example.ch",
            "a@b@example.ch",
            "ops@example.ch?subject=x",
            "ops@example.ch,b@example.ch",
            "ops@exa mple.ch",
            "<ops@example.ch>",
        ] {
            assert!(!is_mail_address(address), "{address}");
        }
    }
}
