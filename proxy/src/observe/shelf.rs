//! Meters by label, for as long as somebody holds them.
//!
//! Two snapshots that name the same route share its meters, so a reload does not set counters back; with
//! the last snapshot that names it the series goes, so that no scrape shows what no longer exists.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// Label sets a shelf holds at most; metrics must not grow with a mistake in the configuration.
pub(super) const LIMIT: usize = 20_000;
/// The labels of all that came after.
pub(super) const OVERFLOW: &str = "overflow";

#[derive(Debug)]
pub(super) struct Shelf<const LABELS: usize, M> {
    kept: Mutex<HashMap<[String; LABELS], Weak<M>>>,
}

impl<const LABELS: usize, M> Shelf<LABELS, M> {
    pub(super) fn new() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }

    /// The meters of these labels, made if nobody holds them.
    pub(super) fn share(
        &self,
        labels: [&str; LABELS],
        make: impl FnOnce([String; LABELS]) -> M,
    ) -> Arc<M> {
        let mut labels = labels.map(str::to_owned);
        let mut kept = self.kept.lock();
        if kept.len() >= LIMIT && !kept.contains_key(&labels) {
            labels = [OVERFLOW; LABELS].map(str::to_owned);
        }
        if let Some(meters) = kept.get(&labels).and_then(Weak::upgrade) {
            return meters;
        }
        let meters = Arc::new(make(labels.clone()));
        kept.insert(labels, Arc::downgrade(&meters));
        meters
    }

    /// The meters of these labels, if somebody holds them.
    pub(super) fn get(&self, labels: [&str; LABELS]) -> Option<Arc<M>> {
        let kept = self.kept.lock();
        kept.get(&labels.map(str::to_owned)).and_then(Weak::upgrade)
    }

    /// For the meters' `drop`: calls `remove` for the series unless somebody has meanwhile made meters
    /// of the same labels, which then count on in the same series.
    pub(super) fn leave(&self, labels: &[String; LABELS], remove: impl FnOnce()) {
        let mut kept = self.kept.lock();
        if kept
            .get(labels)
            .is_some_and(|meters| meters.strong_count() == 0)
        {
            kept.remove(labels);
            remove();
        }
    }

    /// All that are held just now.
    pub(super) fn held(&self) -> Vec<Arc<M>> {
        self.kept
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn equal_labels_share_meters() {
        let shelf = Shelf::<2, u32>::new();
        let first = shelf.share(["a", "b"], |_| 1);
        let second = shelf.share(["a", "b"], |_| 2);
        let other = shelf.share(["a", "c"], |_| 3);
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((*second, *other, shelf.held().len()), (1, 3, 2));
    }

    #[test]
    fn only_the_last_to_leave_takes_the_series_away() {
        let shelf = Shelf::<1, u32>::new();
        let labels = ["a".to_owned()];
        let removed = AtomicBool::new(false);
        let leave = || shelf.leave(&labels, || removed.store(true, Ordering::Relaxed));

        drop(shelf.share(["a"], |_| 1));
        let successor = shelf.share(["a"], |_| 2);
        leave();
        assert!(!removed.load(Ordering::Relaxed), "the successor counts on");
        drop(successor);
        leave();
        assert!(removed.load(Ordering::Relaxed));
        assert!(shelf.held().is_empty());
    }

    #[test]
    fn beyond_the_limit_all_share_the_overflow_labels() {
        let shelf = Shelf::<1, [String; 1]>::new();
        let kept: Vec<_> = (0..LIMIT)
            .map(|number| shelf.share([&number.to_string()], |labels| labels))
            .collect();
        let (one, two) = (
            shelf.share(["x"], |labels| labels),
            shelf.share(["y"], |labels| labels),
        );
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(*one, ["overflow"]);
        assert!(Arc::ptr_eq(&kept[7], &shelf.share(["7"], |labels| labels)));
    }
}
