//! The words for a certificate: what it is, how long it lasts, and what comes next.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{CertificateStatus, Leaf, Moment, Origin, Step};

/// A certificate as one row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    pub hosts: Vec<String>,
    /// Whether clients get it that name no host, or one that no certificate is for.
    pub default: bool,
    /// `files`, `self-signed` or `acme NAME`.
    pub from: String,
    pub issued_by: String,
    pub key: String,
    /// `2027-01-19, in 59 d`, or `temporary`.
    pub expires: String,
    /// `renews in 29 d`.
    pub next: String,
    /// What somebody should know or do, each in one sentence; the CA's own words among them.
    pub notes: Vec<String>,
    pub health: Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Good,
    /// Less than a third of its life is left, or the last order failed.
    Ageing,
    /// Clients are warned of it: temporary, expired, not valid yet or not there.
    Bad,
}

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

impl CertificateStatus {
    pub fn row(&self, now: SystemTime) -> CertificateRow {
        let now = Moment::from(now);
        let leaf = self.shown.as_ref();
        let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
        CertificateRow {
            hosts: self.hosts.clone(),
            default: self.default,
            from: match &self.from {
                Origin::Files { .. } => "files".to_owned(),
                Origin::SelfSigned => "self-signed".to_owned(),
                Origin::Acme { issuer, .. } => format!("acme {issuer}"),
            },
            issued_by: leaf.map_or_else(|| "nobody yet".to_owned(), |leaf| authority(&leaf.issuer)),
            key: or_nothing(leaf.map(|leaf| leaf.key.clone())),
            expires: match leaf {
                Some(leaf) => leaf.expires(now),
                None if self.temporary.is_empty() => NOTHING.to_owned(),
                None => "temporary".to_owned(),
            },
            next: self.next(now),
            notes: self.notes(now),
            health: self.health(now),
        }
    }

    fn next(&self, now: Moment) -> String {
        match (self.next, self.failures) {
            (Step::Nothing, _) => NOTHING.to_owned(),
            (Step::Ordering, _) => "ordering".to_owned(),
            (Step::Renew { at }, _) => format!("renews {}", ahead(now.until(at))),
            (Step::Retry { at }, 0) => format!("retries {}", ahead(now.until(at))),
            (Step::Retry { at }, failures) => {
                let s = if failures == 1 { "" } else { "s" };
                format!("retries {} ({failures} failure{s})", ahead(now.until(at)))
            }
        }
    }

    fn notes(&self, now: Moment) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(problem) = &self.problem {
            notes.push(problem.clone());
        }
        let hosts = |of: &[String]| {
            if of.len() == self.hosts.len() {
                String::new()
            } else {
                format!(" for {}", of.join(", "))
            }
        };
        if !self.temporary.is_empty() {
            notes.push(format!(
                "clients get a temporary certificate{}, which they do not trust, until the CA's has come",
                hosts(&self.temporary)
            ));
        }
        if !self.bare.is_empty() {
            notes.push(format!(
                "there is no certificate to show{}",
                hosts(&self.bare)
            ));
        }
        if let Some(leaf) = self.shown.as_ref().filter(|leaf| leaf.not_before > now) {
            notes.push(format!(
                "clients do not trust it before {}",
                leaf.not_before.written()
            ));
        }
        notes
    }

    fn health(&self, now: Moment) -> Health {
        let is_whole = self.temporary.is_empty() && self.bare.is_empty();
        let Some(leaf) = self.shown.as_ref().filter(|_| is_whole) else {
            return Health::Bad;
        };
        let lifetime = leaf.not_before.until(leaf.not_after);
        if now < leaf.not_before || leaf.not_after <= now {
            Health::Bad
        } else if now.until(leaf.not_after) < lifetime / 3 || self.problem.is_some() {
            Health::Ageing
        } else {
            Health::Good
        }
    }
}

impl Leaf {
    fn expires(&self, now: Moment) -> String {
        let written = self.not_after.written();
        let date = written.split(' ').next().unwrap_or(&written);
        if self.not_after <= now {
            format!("{date}, expired {} ago", coarse(self.not_after.until(now)))
        } else {
            format!("{date}, {}", ahead(now.until(self.not_after)))
        }
    }
}

/// `in 59 d`, or `now`.
pub fn ahead(time: Duration) -> String {
    if time.is_zero() {
        "now".to_owned()
    } else {
        format!("in {}", coarse(time))
    }
}

/// A length of time in the largest unit of which there are two or more.
fn coarse(time: Duration) -> String {
    let seconds = time.as_secs();
    [(86_400, "d"), (3600, "h"), (60, "min")]
        .iter()
        .find(|(unit, _)| seconds >= 2 * unit)
        .map_or_else(
            || format!("{seconds} s"),
            |(unit, name)| format!("{} {name}", seconds / unit),
        )
}

/// Organisation and common name of a distinguished name such as `C=US, O=Let's Encrypt, CN=R11`.
fn authority(distinguished: &str) -> String {
    let organisation = attribute(distinguished, "O");
    let name = attribute(distinguished, "CN");
    match (organisation, name) {
        (Some(organisation), Some(name)) if !name.contains(organisation) => {
            format!("{organisation} {name}")
        }
        (_, Some(name)) => name.to_owned(),
        (Some(organisation), None) => organisation.to_owned(),
        (None, None) if distinguished.is_empty() => NOTHING.to_owned(),
        (None, None) => distinguished.to_owned(),
    }
}

/// A value may hold commas itself, as in `O=Example, Inc., CN=Example CA`: it ends before the next attribute.
fn attribute<'a>(distinguished: &'a str, wanted: &str) -> Option<&'a str> {
    let mut found: Option<(usize, usize)> = None;
    let mut at = 0;
    for part in distinguished.split(", ") {
        let end = at + part.len();
        let key = part.split_once('=').map(|(key, _)| key);
        let is_attribute = key.is_some_and(|key| {
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        });
        match &mut found {
            Some(_) if is_attribute => break,
            Some((_, to)) => *to = end,
            None if is_attribute && key == Some(wanted) => {
                found = Some((at + wanted.len() + 1, end));
            }
            None => {}
        }
        at = end + 2;
    }
    let (from, to) = found?;
    distinguished
        .get(from..to)
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const DAY: u64 = 86_400;
    /// 2026-11-21 07:35 UTC.
    const NOW: u64 = 1_795_246_500;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }

    /// By ACME, of 90 days, of which so many are left.
    fn good(days_left: u64) -> CertificateStatus {
        let not_after = NOW + days_left * DAY;
        CertificateStatus {
            hosts: vec!["a.test".to_owned(), "b.test".to_owned()],
            default: false,
            from: Origin::Acme {
                issuer: "letsencrypt".to_owned(),
                file: "a.pem".into(),
            },
            shown: Some(Leaf {
                subject: "CN=a.test".to_owned(),
                names: vec!["a.test".to_owned(), "b.test".to_owned()],
                serial: "01".to_owned(),
                issuer: "C=US, O=Let's Encrypt, CN=R11".to_owned(),
                key: "ECDSA P-256".to_owned(),
                not_before: Moment(not_after - 90 * DAY),
                not_after: Moment(not_after),
            }),
            temporary: vec![],
            bare: vec![],
            next: Step::Renew {
                at: Moment(not_after - 30 * DAY),
            },
            failures: 0,
            problem: None,
            window: None,
        }
    }

    #[test]
    fn a_row_has_the_words_for_a_certificate() {
        let expected = CertificateRow {
            hosts: vec!["a.test".to_owned(), "b.test".to_owned()],
            default: false,
            from: "acme letsencrypt".to_owned(),
            issued_by: "Let's Encrypt R11".to_owned(),
            key: "ECDSA P-256".to_owned(),
            expires: "2027-01-19, in 59 d".to_owned(),
            next: "renews in 29 d".to_owned(),
            notes: vec![],
            health: Health::Good,
        };
        assert_eq!(good(59).row(now()), expected);
    }

    #[test]
    fn what_comes_next_is_said_with_its_failures() {
        let at = |seconds| Moment(NOW + seconds);
        for (next, failures, expected) in [
            (Step::Nothing, 0, "-"),
            (Step::Ordering, 2, "ordering"),
            (
                Step::Renew {
                    at: Moment(NOW - 5),
                },
                0,
                "renews now",
            ),
            (Step::Renew { at: at(DAY) }, 0, "renews in 24 h"),
            (
                Step::Retry { at: at(300) },
                3,
                "retries in 5 min (3 failures)",
            ),
            (
                Step::Retry { at: at(119) },
                1,
                "retries in 119 s (1 failure)",
            ),
            (Step::Retry { at: at(1) }, 0, "retries in 1 s"),
        ] {
            let status = CertificateStatus {
                next,
                failures,
                ..good(59)
            };
            assert_eq!(status.row(now()).next, expected);
        }
    }

    #[test]
    fn health_and_expiry_follow_the_clock() {
        for (days, expires, health) in [
            (91, "2027-02-20, in 91 d", Health::Bad),
            (30, "2026-12-21, in 30 d", Health::Good),
            (29, "2026-12-20, in 29 d", Health::Ageing),
            (1, "2026-11-22, in 24 h", Health::Ageing),
            (0, "2026-11-21, expired 0 s ago", Health::Bad),
        ] {
            let row = good(days).row(now());
            assert_eq!((row.expires.as_str(), row.health), (expires, health));
        }
        let later = now() + Duration::from_secs(3 * DAY);
        assert_eq!(good(0).row(later).expires, "2026-11-21, expired 3 d ago");
        let early = good(91).row(now()).notes;
        assert_eq!(
            early,
            ["clients do not trust it before 2026-11-22 07:35 UTC"]
        );
    }

    #[test]
    fn what_is_temporary_or_missing_is_told_plainly() {
        let all = good(59).hosts;
        let on_its_way = CertificateStatus {
            shown: None,
            temporary: all.clone(),
            next: Step::Ordering,
            ..good(59)
        };
        let row = on_its_way.row(now());
        assert_eq!(
            (
                row.issued_by.as_str(),
                row.key.as_str(),
                row.expires.as_str()
            ),
            ("nobody yet", "-", "temporary")
        );
        assert_eq!(row.health, Health::Bad);
        assert_eq!(
            row.notes,
            [
                "clients get a temporary certificate, which they do not trust, until the CA's has come"
            ]
        );
        let grown = CertificateStatus {
            temporary: vec!["b.test".to_owned()],
            problem: Some("too many certificates already issued".to_owned()),
            ..good(59)
        };
        assert_eq!(
            grown.row(now()).notes,
            [
                "too many certificates already issued",
                "clients get a temporary certificate for b.test, which they do not trust, until the CA's has come",
            ]
        );
        let nothing = CertificateStatus {
            shown: None,
            bare: all,
            ..good(59)
        };
        assert_eq!(
            nothing.row(now()).notes,
            ["there is no certificate to show"]
        );
    }

    #[test]
    fn a_failed_renewal_shows_although_the_certificate_is_good() {
        let status = CertificateStatus {
            problem: Some("no".to_owned()),
            ..good(59)
        };
        assert_eq!(status.row(now()).health, Health::Ageing);
    }

    #[test]
    fn an_authority_is_named_by_organisation_and_name() {
        for (distinguished, expected) in [
            ("C=US, O=Let's Encrypt, CN=R11", "Let's Encrypt R11"),
            ("CN=Simplon development CA", "Simplon development CA"),
            ("O=Example, Inc., CN=Root", "Example, Inc. Root"),
            ("CN=Example, the CA, O=Example", "Example, the CA"),
            ("O=Example", "Example"),
            ("C=CH", "C=CH"),
            ("CN=", "CN="),
            ("", "-"),
            ("CN=a=b, c=d", "a=b"),
        ] {
            assert_eq!(authority(distinguished), expected, "{distinguished}");
        }
    }
}
