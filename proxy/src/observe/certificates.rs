//! The state of certificates, asked for when somebody looks, as that of servers is.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    exposition::{Exposition, Family, Labels},
    scrape::Room,
    shelf::OVERFLOW,
};

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

/// Appends the families of certificates. Hosts beyond the room are shown as one, by what is the worst of them; says how many.
pub(super) fn write(certificates: &dyn Certificates, room: Room, page: &mut Exposition) -> usize {
    let mut families = Families::new();
    let (mut shown, mut beyond) = (0, 0);
    let mut rest: Option<CertificateView<'static>> = None;
    certificates.each_host(&mut |view| {
        if room.has(shown, view.host) {
            families.host(&view);
            shown += 1;
        } else {
            beyond += 1;
            rest = Some(view.worst_of(rest.take()));
        }
    });
    if let Some(rest) = rest {
        families.host(&rest);
    }
    families.add_to(page);
    beyond
}

impl CertificateView<'_> {
    /// Of all hosts that are shown together.
    fn worst_of(self, others: Option<CertificateView<'static>>) -> CertificateView<'static> {
        let first = |one: Option<SystemTime>, other: Option<SystemTime>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let others = others.unwrap_or(CertificateView {
            host: OVERFLOW,
            not_after: None,
            is_temporary: false,
            problem: None,
            reason: None,
            window: None,
            next: None,
        });
        let (problem, reason) = match others.problem {
            Some(problem) => (Some(problem), others.reason),
            None => (self.problem, self.reason),
        };
        CertificateView {
            host: OVERFLOW,
            not_after: first(self.not_after, others.not_after),
            is_temporary: self.is_temporary || others.is_temporary,
            problem,
            reason,
            window: others.window.or(self.window),
            next: first(self.next, others.next),
        }
    }
}

struct Families {
    not_after: Family,
    temporary: Family,
    problem: Family,
    failing: Family,
    window: Family,
    next: Family,
}

impl Families {
    fn new() -> Self {
        Self {
            not_after: Family::gauge(
                "simplon_certificate_not_after_seconds",
                "When the certificate shown for the host ends, in seconds since 1970.",
            ),
            temporary: Family::gauge(
                "simplon_certificate_temporary",
                "Whether a temporary certificate is shown for the host until its own has come.",
            ),
            problem: Family::gauge(
                "simplon_certificate_problem",
                "1 for each host whose certificate could not be obtained, with why in the CA's own words. They change from failure to failure: alert on simplon_certificate_failing.",
            ),
            failing: Family::gauge(
                "simplon_certificate_failing",
                "1 for each host whose certificate could not be obtained, by reason: unreachable, refused, account, limited or ours.",
            ),
            window: Family::gauge(
                "simplon_certificate_renewal_window_seconds",
                "When the CA suggests to renew (ARI), in seconds since 1970: the begin and the end.",
            ),
            next: Family::gauge(
                "simplon_certificate_next_order_seconds",
                "When the certificate is ordered next, in seconds since 1970.",
            ),
        }
    }

    fn host(&mut self, view: &CertificateView<'_>) {
        let labels = Labels::new(&[("host", view.host)]);
        if let Some(at) = view.not_after {
            self.not_after.sample(&labels, seconds(at));
        }
        self.temporary.sample(&labels, u8::from(view.is_temporary));
        if let Some(why) = &view.problem {
            let why: String = why.chars().take(LONGEST).collect();
            // One at a time for each host: what it was before is not shown any more.
            self.problem.sample(&labels.and("problem", &why), 1);
        }
        if let Some(reason) = view.reason {
            self.failing.sample(&labels.and("reason", reason), 1);
        }
        if let Some((begin, end)) = view.window {
            for (edge, at) in [("begin", begin), ("end", end)] {
                self.window.sample(&labels.and("edge", edge), seconds(at));
            }
        }
        if let Some(at) = view.next {
            self.next.sample(&labels, seconds(at));
        }
    }

    fn add_to(self, page: &mut Exposition) {
        let Self {
            not_after,
            temporary,
            problem,
            failing,
            window,
            next,
        } = self;
        for family in [not_after, temporary, problem, failing, window, next] {
            page.add(family);
        }
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
