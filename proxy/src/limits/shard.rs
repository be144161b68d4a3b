//! A part of a table: keys and their numbers in one array, swept a little at a time.
//!
//! Open addressing with linear probing; what is removed leaves no tombstone, as those behind it move up. Keys are hashes
//! already, so their bits say where they stand.

/// The hash of what is counted, with a secret of its table: nobody can aim at another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// Says in which shard.
    high: u64,
    /// Says where in the shard. Never zero, which is an empty place.
    low: u64,
}

impl Key {
    pub(super) const fn new(high: u64, low: u64) -> Self {
        let low = if low == 0 { 1 } else { low };
        Self { high, low }
    }

    pub(super) const fn high(self) -> u64 {
        self.high
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: Key,
    number: u64,
}

impl Place {
    const fn is_empty(self) -> bool {
        self.key.low == 0
    }
}

/// Never more than three quarters full; it doubles when it would be, and halves when an eighth is left.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// A power of two, or none at all.
    places: Box<[Place]>,
    held: usize,
    /// Where the sweep goes on.
    hand: usize,
}

/// The fewest places of a shard that has any.
const FEWEST: usize = 8;

impl Shard {
    pub(super) fn get(&self, key: Key) -> Option<u64> {
        let at = self.find(key)?;
        Some(self.places[at].number)
    }

    /// Puts a number in the place of the one before; whether there was none.
    pub(super) fn set(&mut self, key: Key, number: u64) -> bool {
        if let Some(at) = self.find(key) {
            self.places[at].number = number;
            return false;
        }
        if (self.held + 1) * 4 > self.places.len() * 3 {
            self.resize((self.places.len() * 2).max(FEWEST));
        }
        self.insert(Place { key, number });
        true
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        let found = self.find(key);
        found.map(|at| self.empty(at)).is_some()
    }

    /// Looks at the next `places` and removes those that are over; how many that were.
    pub(super) fn sweep(&mut self, places: usize, is_over: impl Fn(u64) -> bool) -> usize {
        let mut removed = 0;
        for _ in 0..places.min(self.places.len()) {
            let at = self.hand & self.mask();
            let place = self.places[at];
            if !place.is_empty() && is_over(place.number) {
                self.empty(at); // another may have moved up, and is looked at next
                removed += 1;
            } else {
                self.hand = at + 1;
            }
        }
        removed
    }

    /// Removes the one with the smallest number among the next `sample`; whether there was any.
    pub(super) fn evict(&mut self, sample: usize) -> bool {
        let (start, mask) = (self.hand, self.mask());
        let held = (0..self.places.len())
            .map(|step| (start + step) & mask)
            .filter(|at| !self.places[*at].is_empty());
        let Some(least) = held.take(sample).min_by_key(|at| self.places[*at].number) else {
            return false;
        };
        self.hand = start + sample;
        self.empty(least);
        true
    }

    /// Gives room back that a crowd has left.
    pub(super) fn shrink(&mut self) {
        if self.places.len() > FEWEST && self.held * 8 < self.places.len() {
            self.resize(self.places.len() / 2);
        }
    }

    pub(super) const fn places(&self) -> usize {
        self.places.len()
    }

    /// Of no use without places.
    const fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    /// Where the search for a key begins.
    const fn home(&self, key: Key) -> usize {
        key.low as usize & self.mask()
    }

    fn find(&self, key: Key) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(key);
        // A quarter of the places is empty, so that the search ends.
        loop {
            let place = self.places[at];
            if place.is_empty() {
                return None;
            }
            if place.key == key {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// There is an empty place, and the key is not here.
    fn insert(&mut self, place: Place) {
        let mut at = self.home(place.key);
        while !self.places[at].is_empty() {
            at = (at + 1) & self.mask();
        }
        self.places[at] = place;
        self.held += 1;
    }

    /// Those behind move up, unless that would bring them before their home.
    fn empty(&mut self, at: usize) {
        let mask = self.mask();
        let (mut hole, mut next) = (at, at);
        loop {
            next = (next + 1) & mask;
            let place = self.places[next];
            if place.is_empty() {
                break;
            }
            let from_home = next.wrapping_sub(self.home(place.key)) & mask;
            let from_hole = next.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.places[hole] = place;
                hole = next;
            }
        }
        self.places[hole] = Place::default();
        self.held -= 1;
    }

    fn resize(&mut self, places: usize) {
        let empty = vec![Place::default(); places].into_boxed_slice();
        let before = std::mem::replace(&mut self.places, empty);
        self.held = 0;
        self.hand = 0;
        for place in before.iter().filter(|place| !place.is_empty()) {
            self.insert(*place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(u64, u64),
        Remove(u64),
        Sweep(usize, u64),
        Evict(usize),
        Shrink,
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few keys, most of which want the same places.
        let key = || (0..40_u64).prop_map(|key| key << 2);
        prop_oneof![
            6 => (key(), 0..100_u64).prop_map(|(key, number)| Step::Set(key, number)),
            3 => key().prop_map(Step::Remove),
            2 => (0..20_usize, 0..60_u64).prop_map(|(places, below)| Step::Sweep(places, below)),
            1 => (1..9_usize).prop_map(Step::Evict),
            1 => Just(Step::Shrink),
        ]
    }

    const fn key(low: u64) -> Key {
        Key::new(7, low)
    }

    proptest! {
        #[test]
        fn a_shard_is_a_map(steps in prop::collection::vec(step(), 0..400)) {
            let (mut shard, mut model) = (Shard::default(), HashMap::new());
            for step in steps {
                match step {
                    Step::Set(low, number) => {
                        let is_new = shard.set(key(low), number);
                        prop_assert_eq!(is_new, model.insert(key(low).low, number).is_none());
                    }
                    Step::Remove(low) => {
                        let was_there = shard.remove(key(low));
                        prop_assert_eq!(was_there, model.remove(&key(low).low).is_some());
                    }
                    Step::Sweep(places, below) => {
                        let removed = shard.sweep(places, |number| number < below);
                        let before = model.len();
                        // What is gone was over; what is over may still be there.
                        model.retain(|low, number| *number >= below || shard.get(key(*low)).is_some());
                        prop_assert_eq!(before - model.len(), removed);
                    }
                    Step::Evict(sample) => {
                        let evicted = shard.evict(sample);
                        prop_assert_eq!(evicted, !model.is_empty());
                        let before = model.len();
                        model.retain(|low, _| shard.get(key(*low)).is_some());
                        prop_assert_eq!(before - model.len(), usize::from(evicted));
                    }
                    Step::Shrink => shard.shrink(),
                }
                prop_assert_eq!(shard.held, model.len());
                for low in 0..40_u64 {
                    let found = shard.get(key(low << 2));
                    prop_assert_eq!(found, model.get(&key(low << 2).low).copied());
                }
            }
        }
    }

    #[test]
    fn a_full_sweep_leaves_nothing_that_is_over() {
        let mut shard = Shard::default();
        for low in 1..500 {
            shard.set(key(low), low);
        }
        // Each place is looked at, and once more for each that was removed.
        let removed = shard.sweep(usize::MAX, |number| number % 2 == 0);
        let rest = shard.sweep(usize::MAX, |number| number % 2 == 0);
        assert_eq!((removed + rest, shard.held), (249, 250));
    }

    #[test]
    fn room_is_given_back() {
        let mut shard = Shard::default();
        for low in 1..=3000 {
            shard.set(key(low), low);
        }
        assert_eq!(shard.places(), 4096);
        for low in 1..3000 {
            shard.remove(key(low));
        }
        for _ in 0..20 {
            shard.shrink();
        }
        assert_eq!(shard.places(), FEWEST);
        assert_eq!(shard.get(key(3000)), Some(3000));
    }
}
