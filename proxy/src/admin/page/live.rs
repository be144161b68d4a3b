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
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};
use tracing::error;

use super::{Look, draw, news::Seen, sheet::Drawing};
use crate::admin::{
    View,
    hold::{Held, Hold},
};

/// Pages that are kept up to date at a time.
const STREAMS: usize = 16;
/// Then a stream ends, and the browser asks for another.
pub(in crate::admin) const LIFETIME: Duration = Duration::from_secs(600);
const EVERY: Duration = Duration::from_secs(1);

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
