//! Certificates as operators see them: one form for commands, for JSON and for the page.

mod row;

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

pub use self::row::{CertificateRow, Health, ahead};
use crate::{
    acme,
    config::model::{Certificate, CertificateSource},
    tls::{Face, Facts, Next, Slot, Source},
};

/// One certificate of the configuration at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    pub hosts: Vec<String>,
    /// Whether clients get it that name no host, or one that no certificate is for.
    pub default: bool,
    pub from: Origin,
    /// Nothing while all that is there is temporary.
    pub shown: Option<Leaf>,
    /// Those of the hosts that clients get a temporary certificate for.
    pub temporary: Vec<String>,
    /// Those of the hosts that there is nothing for.
    pub bare: Vec<String>,
    pub next: Step,
    /// Orders that failed since the last success.
    pub failures: u32,
    /// Why the last order failed, in the CA's own words.
    pub problem: Option<String>,
    /// When the CA suggests to renew (ARI, RFC 9773).
    pub window: Option<Window>,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    Files {
        chain: PathBuf,
        key: PathBuf,
    },
    SelfSigned,
    /// `file` has chain and key, once there is one.
    Acme {
        issuer: String,
        file: PathBuf,
    },
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    pub subject: String,
    pub names: Vec<String>,
    pub serial: String,
    pub issuer: String,
    pub key: String,
    pub not_before: Moment,
    pub not_after: Moment,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Nobody but an operator renews it.
    Nothing,
    Ordering,
    Renew {
        at: Moment,
    },
    Retry {
        at: Moment,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub begin: Moment,
    pub end: Moment,
}

/// Whole seconds since 1970, as in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl CertificateStatus {
    /// The state of a slot that stands for this certificate of the configuration.
    pub fn of(certificate: &Certificate, slot: &Slot, state: &Path) -> Self {
        let (mut temporary, mut bare) = (Vec::new(), Vec::new());
        for host in &slot.hosts {
            match slot.face(host) {
                Some(Face::Own(_)) => {}
                Some(Face::Temporary(_)) => temporary.push(host.clone()),
                None => bare.push(host.clone()),
            }
        }
        let outlook = slot.outlook();
        Self {
            hosts: slot.hosts.clone(),
            default: certificate.is_default,
            from: origin(certificate, slot, state),
            shown: slot.shown().map(|shown| Leaf::from(&*shown.facts)),
            temporary,
            bare,
            next: match outlook.next {
                Next::Nothing => Step::Nothing,
                Next::Ordering => Step::Ordering,
                Next::Renew(at) => Step::Renew { at: at.into() },
                Next::Retry(at) => Step::Retry { at: at.into() },
            },
            failures: outlook.failures,
            problem: outlook.problem,
            window: outlook.window.map(|(begin, end)| Window {
                begin: begin.into(),
                end: end.into(),
            }),
        }
    }

    /// The certificates among which a client that asks for `host` gets one: several if their keys are of
    /// different kinds, none if no certificate is for it.
    pub fn for_host<'a>(of: &'a [Self], host: &str) -> Vec<&'a Self> {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let named = |name: &str| {
            let has = |status: &&Self| status.hosts.iter().any(|of| of == name);
            of.iter().filter(has).collect::<Vec<_>>()
        };
        let exact = named(host);
        match host.split_once('.') {
            Some((_, parent)) if exact.is_empty() => named(&format!("*.{parent}")),
            _ => exact,
        }
    }
}

fn origin(certificate: &Certificate, slot: &Slot, state: &Path) -> Origin {
    match (&slot.source, &certificate.source) {
        (Source::Acme(issuer), _) => Origin::Acme {
            issuer: issuer.to_string(),
            file: whole(&state.join(acme::file(&slot.hosts))),
        },
        (_, CertificateSource::Files { chain, key }) => Origin::Files {
            chain: whole(&chain.value),
            key: whole(&key.value),
        },
        _ => Origin::SelfSigned,
    }
}

/// From the root: whoever asks may be in another directory than the process.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl From<&Facts> for Leaf {
    fn from(facts: &Facts) -> Self {
        Self {
            subject: facts.subject.clone(),
            names: facts.names.clone(),
            serial: facts.serial.clone(),
            issuer: facts.issuer.clone(),
            key: facts.key.clone(),
            not_before: facts.not_before.into(),
            not_after: facts.not_after.into(),
        }
    }
}

impl From<SystemTime> for Moment {
    fn from(at: SystemTime) -> Self {
        Self(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }
}

impl Moment {
    /// How long from here until the later moment; zero if it is earlier.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_secs(later.0.saturating_sub(self.0))
    }

    /// `2026-11-21 07:35 UTC`.
    pub fn written(self) -> String {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(self.0));
        at.map_or_else(|| "the end of time".to_owned(), crate::tls::written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Located,
        tls::{Outlook, temporary},
    };

    fn by_acme(hosts: &[&str]) -> (Certificate, Slot) {
        let certificate = Certificate {
            hosts: hosts
                .iter()
                .map(|&host| Located::nowhere(host.to_owned()))
                .collect(),
            source: CertificateSource::Acme(0),
            is_default: false,
        };
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        (
            certificate,
            Slot::new(hosts, Source::Acme("letsencrypt".into())),
        )
    }

    #[test]
    fn hosts_without_a_certificate_of_their_own_are_told_apart() {
        let (certificate, slot) = by_acme(&["*.a.test", "b.test"]);
        let state = Path::new("/state");
        let before = CertificateStatus::of(&certificate, &slot, state);
        assert_eq!((before.bare.len(), before.temporary.len()), (2, 0));
        slot.set_temporary(Some(temporary(&slot.hosts).unwrap()));
        slot.set_outlook(Outlook {
            next: Next::Ordering,
            ..Outlook::default()
        });
        let status = CertificateStatus::of(&certificate, &slot, state);
        assert_eq!((status.bare.len(), status.temporary.len()), (0, 2));
        assert_eq!(
            (status.next, status.shown.is_none()),
            (Step::Ordering, true)
        );
        let from = Origin::Acme {
            issuer: "letsencrypt".to_owned(),
            file: "/state/certificates/_.a.test.pem".into(),
        };
        assert_eq!(status.from, from);
    }

    #[test]
    fn a_status_survives_json() {
        let (certificate, slot) = by_acme(&["a.test"]);
        let at = UNIX_EPOCH + Duration::from_secs(1_795_246_500);
        slot.set_outlook(Outlook {
            next: Next::Retry(at),
            failures: 3,
            problem: Some("no".to_owned()),
            reason: Some("refused"),
            window: Some((at, at)),
        });
        let status = CertificateStatus::of(&certificate, &slot, Path::new("/s"));
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["from"]["kind"], "acme");
        assert_eq!(
            json["next"],
            serde_json::json!({ "step": "retry", "at": 1_795_246_500 })
        );
        assert_eq!(
            serde_json::from_value::<CertificateStatus>(json).unwrap(),
            status
        );
    }

    #[test]
    fn a_host_is_found_by_its_name_and_then_by_a_wildcard() {
        let status = |hosts: &[&str]| {
            let (certificate, slot) = by_acme(hosts);
            CertificateStatus::of(&certificate, &slot, Path::new(""))
        };
        let all = [
            status(&["*.a.test"]),
            status(&["x.a.test"]),
            status(&["x.a.test", "b.test"]),
        ];
        for (host, expected) in [
            ("x.a.test", vec![1, 2]),
            ("X.A.test.", vec![1, 2]),
            ("y.a.test", vec![0]),
            ("*.a.test", vec![0]),
            ("b.test", vec![2]),
            ("a.test", vec![]),
            ("z.y.a.test", vec![]),
            ("", vec![]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|index: usize| &all[index])
                .collect();
            assert_eq!(CertificateStatus::for_host(&all, host), expected, "{host}");
        }
    }
}
