//! When an upstream had no server left, as seen by whoever looks once a second.

use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Of one upstream. One that is up and down again between two looks is not seen.
#[derive(Debug, Default)]
pub struct Outages(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_down: bool,
    count: u64,
    together: Duration,
    since_change: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutagesView {
    /// Times when there was no server that could take a request, so far.
    pub count: u64,
    /// How long they were, all together.
    pub seconds: u64,
    /// Since the last began or ended; before the first, since the start.
    pub changed_seconds_ago: u64,
}

impl Outages {
    /// So long after the last look there is a server that can take a request, or none.
    pub fn tick(&self, is_up: bool, elapsed: Duration) {
        let mut state = self.0.lock();
        state.since_change += elapsed;
        if state.is_down {
            state.together += elapsed;
        }
        if state.is_down == is_up {
            state.is_down = !is_up;
            state.since_change = Duration::ZERO;
            state.count += u64::from(!is_up);
        }
    }

    pub fn view(&self) -> OutagesView {
        let state = self.0.lock();
        OutagesView {
            count: state.count,
            seconds: state.together.as_secs(),
            changed_seconds_ago: state.since_change.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_counted_and_added_up() {
        let outages = Outages::default();
        let mut seen = Vec::new();
        for look in "++--+-++".chars() {
            outages.tick(look == '+', Duration::from_secs(1));
            let view = outages.view();
            seen.push((view.count, view.seconds, view.changed_seconds_ago));
        }
        let expected = [
            (0, 0, 1),
            (0, 0, 2),
            (1, 0, 0),
            (1, 1, 1),
            (1, 2, 0),
            (2, 2, 0),
            (2, 3, 0),
            (2, 3, 1),
        ];
        assert_eq!(seen, expected);
    }
}
