//! What was asked of a CA lately, kept over restarts: a process that starts again and again must not use
//! up the limits of the CA.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Failure, Issuer, account, failure::Fault};
use crate::{
    config::model::{IssuerLimits, Quota},
    state::State,
};

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    at: SystemTime,
    what: What,
    /// Of hosts, see [`super::vault::set`].
    set: String,
}

/// What was asked for, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Order,
    Issued,
    Failed,
}

/// The ledger of one CA. Taken from the file for each use, since other processes write it too.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Entry>);

/// A limit that would be overstepped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    until: SystemTime,
    /// For the operator.
    words: String,
}

impl Ledger {
    /// Notes one thing in the ledger that is kept for this CA; an order beyond its limits is refused.
    pub(super) async fn book(
        state: &State,
        issuer: &Issuer,
        what: What,
        set: &str,
    ) -> Result<(), Failure> {
        let name = account::name(issuer);
        let file = format!("accounts/{name}.ledger");
        let disk = |error| Failure::disk("the ledger of orders cannot be kept", &error);
        let _lock = account::lock(state, &format!("ledger-{name}")).await?;
        let mut ledger = Self::read(state, &file).map_err(disk)?;
        let (limits, now) = (&issuer.settings.limits, SystemTime::now());
        if what == What::Order {
            ledger.allows(set, limits, now).map_err(Failure::from)?;
        }
        ledger.note(what, set, limits, now);
        ledger.write(state, &file).map_err(disk)
    }

    /// A file that is missing or damaged is an empty ledger.
    pub(super) fn read(state: &State, file: &str) -> io::Result<Self> {
        let content = state.read(file)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        Ok(Self(text.lines().filter_map(Entry::parse).collect()))
    }

    pub(super) fn write(&self, state: &State, file: &str) -> io::Result<()> {
        let text: String = self.0.iter().map(Entry::line).collect();
        state.write(file, text.as_bytes())
    }

    /// Whether another order for this set of hosts stays within the limits.
    pub(super) fn allows(
        &self,
        set: &str,
        limits: &IssuerLimits,
        now: SystemTime,
    ) -> Result<(), Spent> {
        let of_set = |what| move |entry: &&Entry| entry.what == what && entry.set == set;
        let checks = [
            self.room(limits.orders, now, |entry| entry.what == What::Order)
                .map(|until| (until, "orders", limits.orders)),
            self.room(limits.duplicates, now, of_set(What::Issued))
                .map(|until| (until, "certificates for these hosts", limits.duplicates)),
            self.room(limits.failures, now, of_set(What::Failed))
                .map(|until| (until, "failed orders for these hosts", limits.failures)),
        ];
        match checks
            .into_iter()
            .flatten()
            .max_by_key(|(until, ..)| *until)
        {
            None => Ok(()),
            Some((until, what, quota)) => Err(Spent {
                until,
                words: format!(
                    "our limit of {} {what} in {} is reached; `limits:` of the issuer sets it",
                    quota.count,
                    in_words(quota.within)
                ),
            }),
        }
    }

    /// `None` while there is room, else when there will be.
    fn room(
        &self,
        quota: Quota,
        now: SystemTime,
        counts: impl Fn(&&Entry) -> bool,
    ) -> Option<SystemTime> {
        let recent = self.0.iter().filter(counts).map(|entry| entry.at);
        // An entry of the future was written by a clock that was wrong; it counts as one of now.
        let mut recent: Vec<_> = recent
            .map(|at| at.min(now))
            .filter(|at| *at + quota.within > now)
            .collect();
        recent.sort_unstable();
        let full = usize::try_from(quota.count.get()).unwrap_or(usize::MAX);
        let over = recent.len().checked_sub(full)?;
        recent.get(over).map(|at| *at + quota.within)
    }

    /// Notes what was done, and forgets what no limit looks at any more.
    pub(super) fn note(&mut self, what: What, set: &str, limits: &IssuerLimits, now: SystemTime) {
        let longest = [limits.orders, limits.duplicates, limits.failures]
            .map(|quota| quota.within)
            .into_iter()
            .max()
            .unwrap_or_default();
        self.0.retain(|entry| entry.at + longest > now);
        self.0.push(Entry {
            at: now,
            what,
            set: set.to_owned(),
        });
    }
}

impl From<Spent> for Failure {
    fn from(spent: Spent) -> Self {
        Self {
            words: spent.words,
            fault: Fault::Limited,
            not_before: Some(spent.until),
        }
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let seconds = words.next()?.parse().ok()?;
        let what = match words.next()? {
            "order" => What::Order,
            "issued" => What::Issued,
            "failed" => What::Failed,
            _ => return None,
        };
        Some(Self {
            at: UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?,
            what,
            set: words.next()?.to_owned(),
        })
    }

    fn line(&self) -> String {
        let seconds = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let what = match self.what {
            What::Order => "order",
            What::Issued => "issued",
            What::Failed => "failed",
        };
        format!("{} {what} {}\n", seconds.as_secs(), self.set)
    }
}

fn in_words(time: Duration) -> String {
    const HOUR: u64 = 3600;
    match time.as_secs() {
        seconds if seconds.is_multiple_of(24 * HOUR) => format!("{} d", seconds / (24 * HOUR)),
        seconds if seconds.is_multiple_of(HOUR) => format!("{} h", seconds / HOUR),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: u32) -> SystemTime {
        UNIX_EPOCH + HOUR * 1000 + HOUR * hours
    }

    fn limits() -> IssuerLimits {
        let quota = |count, within| Quota {
            count: NonZeroU32::new(count).unwrap(),
            within,
        };
        IssuerLimits {
            orders: quota(3, 3 * HOUR),
            duplicates: quota(2, 100 * HOUR),
            failures: quota(1, HOUR),
        }
    }

    fn with(entries: &[(u32, What, &str)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (hours, what, set) in entries {
            ledger.note(*what, set, &limits(), at(*hours));
        }
        ledger
    }

    #[test]
    fn no_limit_is_overstepped_and_each_says_until_when() {
        use What::{Failed, Issued, Order};
        type Case = (&'static [(u32, What, &'static str)], Option<u32>);
        let table: [Case; 7] = [
            (&[], None),
            (&[(8, Order, "a"), (9, Order, "b")], None),
            (
                &[(8, Order, "a"), (9, Order, "b"), (10, Order, "c")],
                Some(11),
            ),
            (&[(1, Order, "a"), (9, Order, "b"), (10, Order, "c")], None),
            (&[(1, Issued, "a"), (2, Issued, "a")], Some(101)),
            (&[(1, Issued, "b"), (2, Issued, "b")], None),
            (&[(10, Failed, "a")], Some(11)),
        ];
        for (entries, until) in table {
            let allowed = with(entries).allows("a", &limits(), at(10));
            assert_eq!(
                allowed.err().map(|spent| spent.until),
                until.map(at),
                "{entries:?}"
            );
        }
    }

    #[test]
    fn a_ledger_outlives_the_process_and_damage_costs_lines_alone() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        let ledger = with(&[(8, What::Order, "a"), (9, What::Failed, "b")]);
        ledger.write(&state, "ledger").unwrap();
        assert_eq!(Ledger::read(&state, "ledger").unwrap().0, ledger.0);
        state
            .write(
                "ledger",
                b"\xff\nnonsense\n99999999999999999999 order a\n7 issued x\n",
            )
            .unwrap();
        assert_eq!(Ledger::read(&state, "ledger").unwrap().0.len(), 1);
        assert!(Ledger::read(&state, "none").unwrap().0.is_empty());
    }

    #[test]
    fn what_no_limit_looks_at_is_forgotten() {
        let mut ledger = with(&[(0, What::Order, "a")]);
        ledger.note(What::Order, "b", &limits(), at(101));
        assert_eq!(ledger.0.len(), 1);
    }
}
