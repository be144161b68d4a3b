//! HSTS: browsers are told to come by TLS alone (RFC 6797).

use http::{HeaderValue, header::STRICT_TRANSPORT_SECURITY};

use crate::{config::model, forward::Fields};

/// The field `Strict-Transport-Security`, ready to be sent.
#[derive(Debug)]
pub struct Hsts(HeaderValue);

impl Hsts {
    #[expect(
        clippy::expect_used,
        reason = "digits and these words are a valid value"
    )]
    pub fn new(spec: &model::Hsts) -> Self {
        let model::Hsts {
            max_age,
            include_subdomains,
            preload,
        } = spec;
        let mut value = format!("max-age={}", max_age.as_secs());
        if *include_subdomains {
            value.push_str("; includeSubDomains");
        }
        if *preload {
            value.push_str("; preload"); // not of the RFC; browsers' lists ask for it
        }
        Self(HeaderValue::try_from(value).expect("a valid value"))
    }

    /// Over TLS the response has this one field (section 7.1), over plain HTTP none (section 7.2). A server's
    /// own goes either way: who runs the edge makes the promise for the host, and a second field would not
    /// be read (section 8.1).
    pub(super) fn respond(&self, fields: &mut impl Fields, is_tls: bool) {
        if is_tls {
            fields.set(STRICT_TRANSPORT_SECURITY, self.0.clone()); // counts a reference, copies nothing
        } else {
            fields.remove(&STRICT_TRANSPORT_SECURITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::*;

    fn hsts(days: u64, include_subdomains: bool, preload: bool) -> Hsts {
        Hsts::new(&model::Hsts {
            max_age: Duration::from_secs(days * 86_400),
            include_subdomains,
            preload,
        })
    }

    /// What a client sees of a server's response with these fields of its own.
    fn seen(sent: &[&'static str], is_tls: bool) -> Vec<HeaderValue> {
        let mut fields = HeaderMap::new();
        fields.insert("x-other", HeaderValue::from_static("kept"));
        for value in sent {
            fields.append(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(value));
        }
        hsts(1, false, false).respond(&mut fields, is_tls);
        assert_eq!(fields["x-other"], "kept");
        let all = fields.get_all(STRICT_TRANSPORT_SECURITY);
        all.iter().cloned().collect()
    }

    #[test]
    fn the_field_says_what_the_configuration_does() {
        for (hsts, value) in [
            (Hsts::new(&model::Hsts::default()), "max-age=31536000"),
            (hsts(0, false, false), "max-age=0"),
            (hsts(1, true, false), "max-age=86400; includeSubDomains"),
            (
                hsts(365, true, true),
                "max-age=31536000; includeSubDomains; preload",
            ),
        ] {
            assert_eq!(hsts.0, value);
        }
    }

    #[test]
    fn over_tls_there_is_one_field_and_it_is_ours() {
        let servers: [&[&str]; 3] = [&[], &["max-age=5"], &["max-age=5", "max-age=6; preload"]];
        for sent in servers {
            assert_eq!(seen(sent, true), ["max-age=86400"], "{sent:?}");
        }
    }

    #[test]
    fn over_plain_http_there_is_none_not_even_a_servers() {
        let servers: [&[&str]; 3] = [&[], &["max-age=5"], &["max-age=5", "max-age=6; preload"]];
        for sent in servers {
            assert!(seen(sent, false).is_empty(), "{sent:?}");
        }
    }
}
