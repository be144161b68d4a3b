//! The state of certificates, asked for when somebody looks, as that of servers is.

use std::time::{SystemTime, UNIX_EPOCH};

use super::exposition::{Family, Labels};

/// Letters of a problem that are shown.
const LONGEST: usize = 200;

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
    /// Why there is no new one, in the CA's own words.
    pub problem: Option<String>,
    /// The kind of that problem, one of a few words that never change.
    pub reason: Option<&'static str>,
    /// When the CA suggests to renew (ARI, RFC 9773): begin and end.
    pub window: Option<(SystemTime, SystemTime)>,
    /// When it is renewed, or tried again.
    pub next: Option<SystemTime>,
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
    let mut problem = Family::gauge(
        "simplon_certificate_problem",
        "1 for each host whose certificate could not be obtained, with why in the CA's own words. They change from failure to failure: alert on simplon_certificate_failing.",
    );
    let mut failing = Family::gauge(
        "simplon_certificate_failing",
        "1 for each host whose certificate could not be obtained, by reason: unreachable, refused, account, limited or ours.",
    );
    let mut window = Family::gauge(
        "simplon_certificate_renewal_window_seconds",
        "When the CA suggests to renew (ARI), in seconds since 1970: the begin and the end.",
    );
    let mut next = Family::gauge(
        "simplon_certificate_next_order_seconds",
        "When the certificate is ordered next, in seconds since 1970.",
    );
    certificates.each_host(&mut |view| {
        let labels = Labels::new(&[("host", view.host)]);
        if let Some(at) = view.not_after {
            not_after.sample(&labels, seconds(at));
        }
        temporary.sample(&labels, u8::from(view.is_temporary));
        if let Some(why) = &view.problem {
            let why: String = why.chars().take(LONGEST).collect();
            // One at a time for each host: what it was before is not shown any more.
            problem.sample(&labels.and("problem", &why), 1);
        }
        if let Some(reason) = view.reason {
            failing.sample(&labels.and("reason", reason), 1);
        }
        for (edge, at) in view
            .window
            .into_iter()
            .flat_map(|(begin, end)| [("begin", begin), ("end", end)])
        {
            window.sample(
                &Labels::new(&[("host", view.host), ("edge", edge)]),
                seconds(at),
            );
        }
        if let Some(at) = view.next {
            next.sample(&labels, seconds(at));
        }
    });
    not_after.append_to(text);
    temporary.append_to(text);
    problem.append_to(text);
    failing.append_to(text);
    window.append_to(text);
    next.append_to(text);
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
