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

/// Lines that are kept: many more than any CA allows, and less than a file may hold.
const MOST: usize = 20_000;
/// Letters of a set of hosts; ours have 16.
const LONGEST_SET: usize = 64;
/// Clocks of nodes that share a directory differ by less.
const TOLERANCE: Duration = Duration::from_secs(300);

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
        let _lock = account::lock(state, &format!("ledger-{name}")).await?;
        let (limits, now) = (issuer.settings.limits, issuer.now());
        let set = set.to_owned();
        let booked = state.with(move |state| {
            let mut ledger = Self::read(state, &file, now)?;
            if what == What::Order
                && let Err(spent) = ledger.allows(&set, &limits, now)
            {
                return Ok(Err(spent));
            }
            ledger.note(what, &set, &limits, now);
            ledger.write(state, &file).map(Ok)
        });
        match booked.await.flatten() {
            Ok(allowed) => allowed.map_err(Failure::from),
            Err(error) => Err(Failure::disk("the ledger of orders cannot be kept", &error)),
        }
    }

    /// A file that is missing is an empty ledger; damage costs lines alone. Lines of the future were
    /// written by a clock that was wrong: they would count for as long as it was wrong by.
    fn read(state: &State, file: &str, now: SystemTime) -> io::Result<Self> {
        let content = match state.read(file) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                // Ours never get as long.
                tracing::warn!("{} is damaged; it begins anew", state.path(file).display());
                None
            }
            content => content?,
        };
        let content = content.unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        let is_past = |entry: &Entry| {
            let ahead = entry.at.duration_since(now).unwrap_or_default();
            ahead <= TOLERANCE
        };
        let entries = text.lines().filter_map(Entry::parse).filter(is_past);
        let mut ledger = Self(entries.collect());
        ledger.bound();
        Ok(ledger)
    }

    /// Forgets the oldest lines where there are too many.
    fn bound(&mut self) {
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    fn write(&self, state: &State, file: &str) -> io::Result<()> {
        let text: String = self.0.iter().map(Entry::line).collect();
        state.write(file, text.as_bytes())
    }

    /// Whether another order for this set of hosts stays within the limits.
    fn allows(&self, set: &str, limits: &IssuerLimits, now: SystemTime) -> Result<(), Spent> {
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
        // One of the next minutes, by the clock of another node, counts as one of now.
        let mut recent: Vec<_> = recent
            .map(|at| at.min(now))
            .filter(|at| is_within(*at, quota.within, now))
            .collect();
        recent.sort_unstable();
        let full = usize::try_from(quota.count.get()).unwrap_or(usize::MAX);
        let over = recent.len().checked_sub(full)?;
        recent
            .get(over)
            .map(|at| at.checked_add(quota.within).unwrap_or(*at))
    }

    /// Notes what was done, and forgets what no limit looks at any more.
    fn note(&mut self, what: What, set: &str, limits: &IssuerLimits, now: SystemTime) {
        let longest = [limits.orders, limits.duplicates, limits.failures]
            .map(|quota| quota.within)
            .into_iter()
            .max()
            .unwrap_or_default();
        self.0.retain(|entry| is_within(entry.at, longest, now));
        self.0.push(Entry {
            at: now,
            what,
            set: set.to_owned(),
        });
        self.bound();
    }
}

/// Whether it was less than so long ago, or is still to come.
fn is_within(at: SystemTime, time: Duration, now: SystemTime) -> bool {
    now.duration_since(at).map_or(true, |ago| ago < time)
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
            set: words
                .next()
                .filter(|set| set.len() <= LONGEST_SET)?
                .to_owned(),
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
        let read = |file| Ledger::read(&state, file, at(10)).unwrap().0;
        assert_eq!(read("ledger"), ledger.0);
        let set = "x".repeat(LONGEST_SET + 1);
        let damaged = format!(
            "nonsense\n99999999999999999999 order a\n{} order a\n{} failed a\n7 issued {set}\n7 issued x\n",
            u64::MAX,
            i64::MAX
        );
        let damaged = [b"\xff\n", damaged.as_bytes()].concat();
        state.write("ledger", &damaged).unwrap();
        let mut ledger = Ledger::read(&state, "ledger", at(10)).unwrap();
        assert_eq!(ledger.0.len(), 1);
        ledger.allows("x", &limits(), at(10)).unwrap();
        ledger.note(What::Order, "x", &limits(), at(10));
        assert!(read("none").is_empty());
    }

    #[test]
    fn what_a_wrong_clock_wrote_is_dropped_once_it_is_right() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        let ahead = 40 * 24;
        let mut ledger = Ledger::default();
        for minutes in 0..5 {
            let now = at(ahead) + Duration::from_secs(60 * minutes);
            ledger.note(What::Failed, "a", &limits(), now);
        }
        assert!(ledger.allows("a", &limits(), at(ahead)).is_err());
        ledger.write(&state, "ledger").unwrap();
        let mut ledger = Ledger::read(&state, "ledger", at(0)).unwrap();
        ledger.allows("a", &limits(), at(0)).unwrap();
        ledger.note(What::Order, "a", &limits(), at(0));
        ledger.write(&state, "ledger").unwrap();
        assert_eq!(
            state.read("ledger").unwrap().unwrap().len(),
            "3600000 order a\n".len()
        );
        // That of another node is a little ahead.
        let ledger = Ledger::read(&state, "ledger", at(0) - TOLERANCE).unwrap();
        assert_eq!(ledger.0.len(), 1);
    }

    #[test]
    fn a_ledger_keeps_its_newest_lines() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        let lines = |count: usize| -> String {
            let line = |number: usize| format!("{} order {number}\n", 3_600_000 + number / 100);
            (0..count).map(line).collect()
        };
        state.write("ledger", lines(MOST + 7).as_bytes()).unwrap();
        let mut ledger = Ledger::read(&state, "ledger", at(1)).unwrap();
        assert_eq!((ledger.0.len(), &*ledger.0[0].set), (MOST, "7"));
        ledger.note(What::Order, "b", &limits(), at(1));
        assert_eq!((ledger.0.len(), &*ledger.0[0].set), (MOST, "8"));
        let longer = std::fs::File::create(state.path("ledger")).unwrap();
        longer.set_len(5 << 20).unwrap();
        let ledger = Ledger::read(&state, "ledger", at(1)).unwrap();
        assert!(ledger.0.is_empty());
    }

    #[test]
    fn what_no_limit_looks_at_is_forgotten() {
        let mut ledger = with(&[(0, What::Order, "a")]);
        ledger.note(What::Order, "b", &limits(), at(101));
        assert_eq!(ledger.0.len(), 1);
    }
}
