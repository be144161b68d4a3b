//! Meters by label, for as long as somebody holds them.
//!
//! Two snapshots that name the same route share its meters, so a reload does not set counters back; with
//! the last snapshot that names it the series goes, so that no scrape shows what no longer exists.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// The labels of all that come after those that a shelf has room for: metrics must not grow with a mistake in the configuration.
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

    /// The meters of these labels, made if nobody holds them. Those of the overflow, and `true`, if they would be more than
    /// `most`.
    pub(super) fn share(
        &self,
        labels: [&str; LABELS],
        most: usize,
        make: impl FnOnce([String; LABELS]) -> M,
    ) -> (Arc<M>, bool) {
        let mut labels = labels.map(str::to_owned);
        let mut kept = self.kept.lock();
        let is_beyond = kept.len() >= most && !kept.contains_key(&labels);
        if is_beyond {
            labels = [OVERFLOW; LABELS].map(str::to_owned);
        }
        if let Some(meters) = kept.get(&labels).and_then(Weak::upgrade) {
            return (meters, is_beyond);
        }
        let meters = Arc::new(make(labels.clone()));
        kept.insert(labels, Arc::downgrade(&meters));
        (meters, is_beyond)
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

    const MOST: usize = 50;

    #[test]
    fn equal_labels_share_meters() {
        let shelf = Shelf::<2, u32>::new();
        let first = shelf.share(["a", "b"], MOST, |_| 1).0;
        let second = shelf.share(["a", "b"], MOST, |_| 2).0;
        let other = shelf.share(["a", "c"], MOST, |_| 3).0;
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((*second, *other, shelf.held().len()), (1, 3, 2));
    }

    #[test]
    fn only_the_last_to_leave_takes_the_series_away() {
        let shelf = Shelf::<1, u32>::new();
        let labels = ["a".to_owned()];
        let removed = AtomicBool::new(false);
        let leave = || shelf.leave(&labels, || removed.store(true, Ordering::Relaxed));

        drop(shelf.share(["a"], MOST, |_| 1).0);
        let successor = shelf.share(["a"], MOST, |_| 2).0;
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
        let share = |name: &str| shelf.share([name], MOST, |labels| labels);
        let kept: Vec<_> = (0..MOST).map(|number| share(&number.to_string())).collect();
        assert!(kept.iter().all(|(_, is_beyond)| !is_beyond));
        let ((one, _), (two, is_beyond)) = (share("x"), share("y"));
        assert!(Arc::ptr_eq(&one, &two) && is_beyond);
        assert_eq!(*one, ["overflow"]);
        let (again, is_beyond) = share("7");
        assert!(Arc::ptr_eq(&kept[7].0, &again) && !is_beyond);
    }
}
