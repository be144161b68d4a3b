//! Pages that are open, kept up to date by server-sent events (HTML Living Standard, section 9.2).
//!
//! One task draws the page once a second for all who look at it in the same way, while somebody does; each of
//! them is sent the parts that are not as it was sent them before.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::{StatusCode, header::RETRY_AFTER},
    response::{
        IntoResponse, Response, Sse,
        sse::{self, Event},
    },
};
use futures_util::stream;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};
use tracing::error;

use super::{Look, draw, sheet::Drawing};
use crate::admin::{
    View,
    hold::{Held, Hold},
};

/// Pages that are kept up to date at a time.
const STREAMS: usize = 16;
/// Then a stream ends, and the browser asks for another.
pub(in crate::admin) const LIFETIME: Duration = Duration::from_secs(600);
const EVERY: Duration = Duration::from_secs(1);
/// Parts that one message has at most; what is left has its turn a second later.
const PARTS: usize = 500;

/// All open pages.
pub(in crate::admin) struct Live {
    view: View,
    seats: Arc<Semaphore>,
    /// Each with a task that draws.
    drawings: Mutex<HashMap<Look, watch::Sender<Option<Arc<Drawing>>>>>,
}

impl Live {
    pub(in crate::admin) fn new(view: View) -> Self {
        Self {
            view,
            seats: Arc::new(Semaphore::new(STREAMS)),
            drawings: Mutex::default(),
        }
    }

    /// The events of one page. `hold` is what keeps its connection.
    pub(in crate::admin) fn stream(self: &Arc<Self>, look: Look, hold: Option<&Hold>) -> Response {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            let later = [(RETRY_AFTER, "30")];
            let answer = "as many pages are open as are kept up to date\n";
            return (StatusCode::SERVICE_UNAVAILABLE, later, answer).into_response();
        };
        let reader = Reader {
            drawings: self.follow(look),
            ends: Instant::now() + LIFETIME,
            seen: Seen::default(),
            _seat: seat,
            hold: hold.map(Hold::keep),
        };
        let events = stream::unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            let (message, is_last) = reader.next().await?;
            let event: Result<_, Infallible> = Ok(Event::default().data(message));
            Some((event, (!is_last).then_some(reader)))
        });
        let beat = sse::KeepAlive::new().interval(EVERY * 5);
        Sse::new(events).keep_alive(beat).into_response()
    }

    fn follow(self: &Arc<Self>, look: Look) -> watch::Receiver<Option<Arc<Drawing>>> {
        let mut drawings = self.drawings.lock();
        if let Some(drawn) = drawings.get(&look) {
            return drawn.subscribe();
        }
        let (drawn, drawing) = watch::channel(None);
        drawings.insert(look.clone(), drawn.clone());
        tokio::spawn(Arc::clone(self).draw(look, drawn));
        drawing
    }

    /// Draws again and again until nobody looks.
    async fn draw(self: Arc<Self>, look: Look, drawn: watch::Sender<Option<Arc<Drawing>>>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_over(&look, &drawn) {
                return;
            }
            let (view, how) = (Arc::clone(&self.view), look.clone());
            let drawing = tokio::task::spawn_blocking(move || draw(&view.stats(), &how)).await;
            match drawing {
                Ok(drawing) => drop(drawn.send_replace(Some(Arc::new(drawing)))),
                Err(fault) => error!(%fault, "the page could not be drawn"),
            }
        }
    }

    /// Nobody looks any more; who comes now gets a task of their own.
    fn is_over(&self, look: &Look, drawn: &watch::Sender<Option<Arc<Drawing>>>) -> bool {
        let mut drawings = self.drawings.lock();
        let is_over = drawn.receiver_count() == 0;
        if is_over {
            drawings.remove(look);
        }
        is_over
    }
}

/// One open page.
struct Reader {
    drawings: watch::Receiver<Option<Arc<Drawing>>>,
    ends: Instant,
    seen: Seen,
    _seat: OwnedSemaphorePermit,
    hold: Option<Held>,
}

impl Reader {
    /// A message, and whether it is the last; nothing at the end.
    async fn next(&mut self) -> Option<(String, bool)> {
        let Self {
            drawings,
            ends,
            seen,
            hold,
            _seat,
        } = self;
        loop {
            let ended = async {
                match hold {
                    Some(hold) => hold.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ended => return None,
                changed = timeout_at(*ends, drawings.changed()) => changed.ok()?.ok()?,
            }
            let drawing = drawings.borrow_and_update().clone();
            if let Some(drawing) = drawing {
                return Some(seen.news(&drawing));
            }
        }
    }
}

/// What a page has been sent: its layout, and the parts by their hashes.
#[derive(Default)]
struct Seen {
    layout: Option<u64>,
    parts: Vec<u64>,
    /// Where the next message begins, so that all have their turn.
    next: usize,
}

/// As the script reads it. A page whose layout is another asks for itself anew.
#[derive(Serialize)]
struct Message<'a> {
    layout: String,
    parts: Vec<(&'a str, &'a str)>,
}

impl Seen {
    /// The message that makes the page what the drawing is, and whether none can follow it.
    fn news(&mut self, drawing: &Drawing) -> (String, bool) {
        let is_another = self.layout.is_some_and(|layout| layout != drawing.layout);
        self.layout = Some(drawing.layout);
        let mut message = Message {
            layout: format!("{:x}", drawing.layout),
            parts: Vec::new(),
        };
        if !is_another {
            self.collect(drawing, &mut message.parts);
        }
        // Strings are always JSON.
        let text = serde_json::to_string(&message).unwrap_or_default();
        (text, is_another)
    }

    fn collect<'a>(&mut self, drawing: &'a Drawing, changed: &mut Vec<(&'a str, &'a str)>) {
        let count = drawing.parts.len();
        self.parts.resize(count, 0);
        let first = self.next;
        for index in (first..count).chain(0..first.min(count)) {
            let (Some(part), Some(sent)) = (drawing.parts.get(index), self.parts.get_mut(index))
            else {
                continue;
            };
            if *sent == part.hash {
                continue;
            }
            if changed.len() == PARTS {
                self.next = index;
                return;
            }
            *sent = part.hash;
            changed.push((&part.id, drawing.html(part)));
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admin::StatsView,
        observe::{ServerView, UpstreamView},
    };

    fn stats(servers: usize, weight: u32) -> StatsView {
        let server = |nth| ServerView {
            name: format!("10.0.0.{nth}:80"),
            weight,
            ..ServerView::default()
        };
        StatsView {
            upstreams: vec![UpstreamView {
                name: "web".to_owned(),
                servers: (0..servers).map(server).collect(),
                ..UpstreamView::default()
            }],
            ..StatsView::default()
        }
    }

    fn sent(seen: &mut Seen, stats: &StatsView) -> (Vec<String>, bool) {
        let (text, is_last) = seen.news(&draw(stats, &Look::default()));
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        let parts = message["parts"].as_array().unwrap();
        let ids = parts
            .iter()
            .map(|part| part[0].as_str().unwrap().to_owned());
        (ids.collect(), is_last)
    }

    #[test]
    fn what_is_the_same_is_not_sent_again() {
        let mut seen = Seen::default();
        assert!(sent(&mut seen, &stats(2, 1)).0.contains(&"s0-1".to_owned()));
        assert!(sent(&mut seen, &stats(2, 1)).0.is_empty());
        let (changed, is_last) = sent(&mut seen, &stats(2, 5));
        assert_eq!(
            (&changed[..], is_last),
            (&["s0-0", "s0-1"].map(str::to_owned)[..], false)
        );
    }

    #[test]
    fn a_page_with_another_layout_is_told_so_and_no_more() {
        let mut seen = Seen::default();
        sent(&mut seen, &stats(2, 1));
        assert_eq!(sent(&mut seen, &stats(3, 1)), (vec![], true));
    }

    #[test]
    fn all_parts_have_their_turn_although_more_change_than_are_sent() {
        let mut seen = Seen::default();
        let mut ids = std::collections::HashSet::new();
        // Each of 400 servers and more changes all the time; a message has room for 500 parts.
        for weight in 1..=4 {
            let mut many = stats(400, weight);
            many.upstreams.push(many.upstreams[0].clone());
            let (parts, _) = sent(&mut seen, &many);
            assert!(parts.len() <= PARTS);
            ids.extend(parts);
        }
        assert!(ids.len() > 800, "{}", ids.len());
    }
}
