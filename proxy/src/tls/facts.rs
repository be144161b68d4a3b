//! What a certificate says of itself, for operators and for the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::{SignatureScheme, pki_types::CertificateDer};
use x509_parser::{
    prelude::{FromDer, GeneralName, X509Certificate},
    public_key::PublicKey,
};

/// Read from the first certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// DNS names, lower case; addresses as text.
    pub names: Vec<String>,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal, with colons.
    pub serial: String,
    /// Such as `ECDSA P-256` or `RSA 2048`.
    pub key: String,
    /// A client that knows none of these cannot verify what the key signs.
    pub schemes: &'static [SignatureScheme],
}

impl Facts {
    /// `Err` says in plain words what is wrong.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, certificate) = X509Certificate::from_der(certificate)
            .map_err(|error| format!("not an X.509 certificate: {error}"))?;
        let validity = certificate.validity();
        Ok(Self {
            names: names(&certificate),
            not_before: moment(validity.not_before.timestamp()),
            not_after: moment(validity.not_after.timestamp()),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: certificate.raw_serial_as_string(),
            key: key(&certificate),
            schemes: schemes(&certificate),
        })
    }

    /// Whether a client that asks for `host` would find it here (RFC 6125 section 6.4).
    pub fn covers(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(suffix) => name == host || parent == Some(suffix),
            None => name == host,
        })
    }

    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    pub fn lifetime(&self) -> Duration {
        self.not_after
            .duration_since(self.not_before)
            .unwrap_or_default()
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(v6).to_string())
}

fn key(certificate: &X509Certificate<'_>) -> String {
    match (certificate.public_key().parsed(), algorithm(certificate)) {
        (Ok(PublicKey::RSA(key)), _) => format!("RSA {}", key.key_size()),
        (_, Algorithm::P256) => "ECDSA P-256".to_owned(),
        (_, Algorithm::P384) => "ECDSA P-384".to_owned(),
        (_, Algorithm::P521) => "ECDSA P-521".to_owned(),
        (_, Algorithm::Ed25519) => "Ed25519".to_owned(),
        _ => "another kind of key".to_owned(),
    }
}

fn schemes(certificate: &X509Certificate<'_>) -> &'static [SignatureScheme] {
    match algorithm(certificate) {
        Algorithm::Rsa => &[
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
        ],
        Algorithm::P256 => &[SignatureScheme::ECDSA_NISTP256_SHA256],
        Algorithm::P384 => &[SignatureScheme::ECDSA_NISTP384_SHA384],
        Algorithm::P521 => &[SignatureScheme::ECDSA_NISTP521_SHA512],
        Algorithm::Ed25519 => &[SignatureScheme::ED25519],
        Algorithm::Other => &[],
    }
}

enum Algorithm {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
    Other,
}

/// By object identifier (RFC 5480 section 2.1.1.1, RFC 8410 section 3).
fn algorithm(certificate: &X509Certificate<'_>) -> Algorithm {
    let algorithm = &certificate.public_key().algorithm;
    let curve = || Some(algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string());
    match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => Algorithm::Rsa,
        "1.3.101.112" => Algorithm::Ed25519,
        "1.2.840.10045.2.1" => match curve().as_deref() {
            Some("1.2.840.10045.3.1.7") => Algorithm::P256,
            Some("1.3.132.0.34") => Algorithm::P384,
            Some("1.3.132.0.35") => Algorithm::P521,
            _ => Algorithm::Other,
        },
        _ => Algorithm::Other,
    }
}

fn moment(seconds: i64) -> SystemTime {
    match u64::try_from(seconds) {
        Ok(seconds) => UNIX_EPOCH + Duration::from_secs(seconds),
        Err(_) => UNIX_EPOCH,
    }
}

/// `2026-11-21 07:35 UTC`.
pub fn written(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let date = i64::try_from(seconds).map(time::OffsetDateTime::from_unix_timestamp);
    let Ok(Ok(at)) = date else {
        return "the end of time".to_owned();
    };
    format!(
        "{}-{:02}-{:02} {:02}:{:02} UTC",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute()
    )
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    use super::*;

    fn facts(hosts: &[&str], algorithm: &'static SignatureAlgorithm) -> Facts {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
        let params = CertificateParams::new(hosts).unwrap();
        Facts::read(params.self_signed(&pair).unwrap().der()).unwrap()
    }

    #[test]
    fn a_key_is_named_and_its_schemes_are_known() {
        for (algorithm, name, scheme) in [
            (
                &rcgen::PKCS_ECDSA_P256_SHA256,
                "ECDSA P-256",
                SignatureScheme::ECDSA_NISTP256_SHA256,
            ),
            (
                &rcgen::PKCS_ECDSA_P384_SHA384,
                "ECDSA P-384",
                SignatureScheme::ECDSA_NISTP384_SHA384,
            ),
            (
                &rcgen::PKCS_ECDSA_P521_SHA512,
                "ECDSA P-521",
                SignatureScheme::ECDSA_NISTP521_SHA512,
            ),
            (&rcgen::PKCS_ED25519, "Ed25519", SignatureScheme::ED25519),
            (
                &rcgen::PKCS_RSA_SHA256,
                "RSA 2048",
                SignatureScheme::RSA_PSS_SHA256,
            ),
        ] {
            let facts = facts(&["a.test"], algorithm);
            assert_eq!(facts.key, name);
            assert!(facts.schemes.contains(&scheme), "{name}");
        }
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        let facts = facts(&["A.test", "*.b.test"], &rcgen::PKCS_ECDSA_P256_SHA256);
        for (host, expected) in [
            ("a.test", true),
            ("x.b.test", true),
            ("*.b.test", true),
            ("b.test", false),
            ("x.y.b.test", false),
            ("x.a.test", false),
        ] {
            assert_eq!(facts.covers(host), expected, "{host}");
        }
    }

    #[test]
    fn a_moment_is_written_for_people() {
        let at = UNIX_EPOCH + Duration::from_secs(1_795_246_500);
        assert_eq!(written(at), "2026-11-21 07:35 UTC");
        let never = UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert_eq!(written(never), "the end of time");
    }
}
