//! The state of certificates, asked for when somebody looks, as that of servers is.

use std::time::{SystemTime, UNIX_EPOCH};

use super::exposition::{Family, Labels};

/// Whoever knows the certificates.
pub trait Certificates: Send + Sync {
    /// Shows each host of the configuration once.
    fn each_host(&self, see: &mut dyn FnMut(CertificateView<'_>));
}

/// What clients of one host see just now.
#[derive(Clone, Debug)]
pub struct CertificateView<'a> {
    pub host: &'a str,
    /// The end of what is shown; nothing while that is temporary or not there.
    pub not_after: Option<SystemTime>,
    /// A temporary certificate is shown until our own has come.
    pub is_temporary: bool,
}

/// Appends the families of certificates.
pub(super) fn write(certificates: &dyn Certificates, text: &mut String) {
    let mut not_after = Family::gauge(
        "simplon_certificate_not_after_seconds",
        "When the certificate shown for the host ends, in seconds since 1970.",
    );
    let mut temporary = Family::gauge(
        "simplon_certificate_temporary",
        "Whether a temporary certificate is shown for the host until its own has come.",
    );
    certificates.each_host(&mut |view| {
        let labels = Labels::new(&[("host", view.host)]);
        if let Some(at) = view.not_after {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            not_after.sample(&labels, since.as_secs());
        }
        temporary.sample(&labels, u8::from(view.is_temporary));
    });
    not_after.append_to(text);
    temporary.append_to(text);
}
