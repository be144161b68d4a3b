//! What has happened to the program of late: what it says of itself at level info or above, whatever `SIMPLON_LOG` wants to hear.
//!
//! What repeats itself is one event with a count, and one kind of event can fill only a part of the ring: so a server that comes
//! and goes, or a client that floods, does not wash out what else there was.

mod text;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use tracing::{Level, Metadata, Subscriber, callsite::Identifier, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context, registry::LookupSpan};

use super::exposition::{Exposition, Family, Labels};

/// Events that are kept.
const KEPT: usize = 200;
/// Events of one kind among them: of one place in the source.
const OF_ONE_KIND: usize = 50;
/// The levels that are heard, as metrics and JSON name them.
const LEVELS: [(Level, &str); 3] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
];

/// The last events, from the oldest to the newest.
#[derive(Debug, Default)]
pub struct Events {
    ring: Mutex<Ring>,
    /// All there ever were, as [`LEVELS`].
    totals: [AtomicU64; LEVELS.len()],
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Counted from 1, for what has happened since. An event that is repeated takes the next number: whoever shows it has then
    /// shown this text before, and shows it anew.
    pub number: u64,
    /// The last time; in milliseconds since 1970 where it is serialised.
    #[serde(serialize_with = "in_milliseconds")]
    pub at: SystemTime,
    /// `error`, `warn` or `info` where it is serialised.
    #[serde(serialize_with = "by_name")]
    pub level: Level,
    /// At most 500 characters, such as "server is down: upstream=web server=127.0.0.1:8001 reason=status 500". A report has
    /// several lines.
    pub text: String,
    /// How often it happened without anything else between.
    pub count: u64,
}

#[derive(Debug, Default)]
struct Ring {
    /// The number of the newest.
    newest: u64,
    kept: VecDeque<(Identifier, Event)>,
}

impl Events {
    /// What has happened after the event of this number, 0 for all that is kept.
    pub fn since(&self, number: u64) -> Vec<Event> {
        let ring = self.ring.lock();
        let known = ring
            .kept
            .partition_point(|(_, event)| event.number <= number);
        ring.kept
            .range(known..)
            .map(|(_, event)| event.clone())
            .collect()
    }

    /// The last `most` events.
    pub fn recent(&self, most: usize) -> Vec<Event> {
        let ring = self.ring.lock();
        let before = ring.kept.len().saturating_sub(most);
        ring.kept
            .range(before..)
            .map(|(_, event)| event.clone())
            .collect()
    }

    fn note(&self, kind: Identifier, level: Level, text: String, at: SystemTime) {
        let of_level = LEVELS.iter().position(|(known, _)| *known == level);
        if let Some(total) = of_level.and_then(|index| self.totals.get(index)) {
            total.fetch_add(1, Ordering::Relaxed);
        }
        self.ring.lock().note(kind, level, text, at);
    }
}

impl Ring {
    fn note(&mut self, kind: Identifier, level: Level, text: String, at: SystemTime) {
        self.newest += 1;
        if let Some((_, last)) = self.kept.back_mut()
            && last.level == level
            && last.text == text
        {
            last.number = self.newest;
            last.at = at;
            last.count += 1;
            return;
        }
        self.make_room(&kind);
        let event = Event {
            number: self.newest,
            at,
            level,
            text,
            count: 1,
        };
        self.kept.push_back((kind, event));
    }

    fn make_room(&mut self, kind: &Identifier) {
        let of_kind = || self.kept.iter().filter(|(other, _)| other == kind);
        let leaves = if of_kind().count() >= OF_ONE_KIND {
            self.kept.iter().position(|(other, _)| other == kind)
        } else {
            (self.kept.len() >= KEPT).then_some(0)
        };
        if let Some(index) = leaves {
            self.kept.remove(index);
        }
    }
}

/// Brings events to where they are kept.
struct Listener(Arc<Events>);

/// Keeps what the program says of itself, and nothing of libraries.
pub fn layer<S>(events: &Arc<Events>) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_ours = |about: &Metadata<'_>| {
        let mut path = about.target().split("::");
        *about.level() <= Level::INFO && path.next() == Some("simplon")
    };
    // The hint is the reason why what is said at lower levels costs nothing.
    let filter = filter_fn(is_ours).with_max_level_hint(LevelFilter::INFO);
    Listener(Arc::clone(events)).with_filter(filter)
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let text = text::of(event);
        self.0
            .note(about.callsite(), *about.level(), text, SystemTime::now());
    }
}

/// Appends the family.
pub fn write(events: &Events, page: &mut Exposition) {
    let mut family = Family::counter(
        "simplon_events_total",
        "What the program has said of itself, by level: error, warn or info.",
    );
    for ((_, name), total) in LEVELS.iter().zip(&events.totals) {
        let labels = Labels::new(&[("level", name)]);
        family.sample(&labels, total.load(Ordering::Relaxed));
    }
    page.add(family);
}

fn in_milliseconds<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn by_name<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    let known = LEVELS.iter().find(|(known, _)| known == level);
    serializer.serialize_str(known.map_or("debug", |(_, name)| name))
}

#[cfg(test)]
mod tests;
