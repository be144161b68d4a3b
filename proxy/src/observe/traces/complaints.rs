//! What is said of a collector that does not take spans: once a minute at most, and when it is over.

use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Complaints {
    last: Option<Instant>,
    /// Whether the operator believes that something is wrong.
    is_told: bool,
}

impl Complaints {
    /// Whether this is to be said now.
    pub(super) fn may_complain(&mut self, now: Instant) -> bool {
        let may = self
            .last
            .is_none_or(|last| now.duration_since(last) >= EVERY);
        if may {
            self.last = Some(now);
            self.is_told = true;
        }
        may
    }

    /// Whether it is to be said that all is well again.
    pub(super) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.is_told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_made_once_a_minute_and_taken_back_once() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut complaints = Complaints::default();
        assert!(!complaints.is_over());
        assert!(complaints.may_complain(at(0)));
        assert!(!complaints.may_complain(at(59)));
        assert!(complaints.is_over());
        assert!(!complaints.is_over());
        // What nobody was told need not be taken back.
        assert!(!complaints.may_complain(at(59)));
        assert!(!complaints.is_over());
        assert!(complaints.may_complain(at(60)));
        assert!(complaints.is_over());
    }
}
