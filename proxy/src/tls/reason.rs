//! Why TLS with a server failed, in words for an operator.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// What TLS has to do with a failure of a connection that was made; nothing if it has no part in it.
pub fn reason(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref().map(in_words)
}

/// A failed handshake as an error that says why.
pub(super) fn of_handshake(error: &io::Error) -> io::Error {
    let words = reason(error).unwrap_or_else(|| match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "it closed the connection during the handshake".to_owned()
        }
        _ => format!("the handshake broke off: {error}"),
    });
    io::Error::other(words)
}

fn in_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::NoCertificatesPresented => "it shows no certificate".to_owned(),
        Error::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::PeerIncompatible(reason) => {
            format!("it has no version or cipher of TLS in common with us ({reason:?})")
        }
        other => format!("TLS failed: {other}"),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        // A bad signature is that of another authority with the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is signed by no authority that we trust".to_owned()
        }
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let presented = match &presented[..] {
                [] => "no name".to_owned(),
                names => names.join(", "),
            };
            format!(
                "its certificate is not for {} but for {presented}",
                expected.to_str()
            )
        }
        other => format!("its certificate is not valid: {other}"),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "it wants a certificate from us: name one with `certificate` and `key`".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => {
            format!("it does not accept the certificate that we show, if any ({alert:?})")
        }
        AlertDescription::NoApplicationProtocol => {
            "it does not speak the protocol that we want (ALPN)".to_owned()
        }
        AlertDescription::UnrecognisedName => "it does not know the name we ask for".to_owned(),
        other => format!("it ended the handshake with the alert {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_tls_is_told_in_words() {
        let table = [
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                "its certificate is signed by no authority that we trust",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                    expected: "api.lan".try_into().unwrap(),
                    presented: vec!["other.lan".to_owned(), "b.lan".to_owned()],
                }),
                "its certificate is not for api.lan but for other.lan, b.lan",
            ),
            (
                Error::AlertReceived(AlertDescription::NoApplicationProtocol),
                "it does not speak the protocol that we want (ALPN)",
            ),
        ];
        for (error, words) in table {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!(reason(&error).as_deref(), Some(words));
            assert_eq!(of_handshake(&error).to_string(), words);
        }
    }

    #[test]
    fn what_is_no_matter_of_tls_is_left_to_others() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(reason(&reset), None);
        assert!(of_handshake(&reset).to_string().contains("closed"));
    }
}
