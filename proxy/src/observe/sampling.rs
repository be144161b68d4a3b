//! Which requests have a line in the access log.

use super::record::Record;
use crate::config::{model::Log, units::Percent};

/// What a line says of why it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The request took longer than the configuration likes.
    pub(super) slow: bool,
    /// The share by which the line was drawn; nothing if it would have been there anyway.
    pub(super) sample: Option<Percent>,
}

impl Mark {
    /// The mark of a line, if there is to be one. `draw` is asked for a number from 0 to 99 if it takes chance to tell.
    ///
    /// Errors of servers and ours (5xx) and slow requests are there at any share. A tunnel lasts as long as its ends like, and is
    /// not slow.
    pub(super) fn of(record: &Record<'_>, log: &Log, draw: impl FnOnce() -> u8) -> Option<Self> {
        let is_slow = |limit| !record.upgraded && record.timers.total > limit;
        let slow = log.slow.is_some_and(is_slow);
        if slow || record.status >= 500 || log.sample.get() == 100 {
            return Some(Self { slow, sample: None });
        }
        let sample = Some(log.sample);
        (draw() < log.sample.get()).then_some(Self { slow, sample })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::{
        config::model::{AccessLog, LogFormat},
        observe::{self, Metrics, Observer, Places, tests::record},
    };

    fn log(sample: u8) -> Log {
        Log {
            sample: Percent::new(sample),
            slow: Some(Duration::from_secs(1)),
            ..Log::default()
        }
    }

    fn lasting(millis: u64, status: u16, upgraded: bool) -> Record<'static> {
        let mut record = Record {
            status,
            upgraded,
            ..record()
        };
        record.timers.total = Duration::from_millis(millis);
        record
    }

    #[test]
    fn errors_and_slow_requests_are_logged_at_any_share() {
        let whole = |slow| Some(Mark { slow, sample: None });
        let drawn = Mark {
            slow: false,
            sample: Some(Percent::new(10)),
        };
        let cases = [
            (lasting(10, 200, false), 0, Some(drawn)),
            (lasting(10, 200, false), 9, Some(drawn)),
            (lasting(10, 200, false), 10, None),
            (lasting(10, 404, false), 99, None),
            (lasting(10, 499, false), 99, None),
            (lasting(10, 500, false), 99, whole(false)),
            (lasting(10, 503, false), 0, whole(false)),
            (lasting(1000, 200, false), 99, None),
            (lasting(1001, 200, false), 99, whole(true)),
            (lasting(1001, 502, false), 99, whole(true)),
            (lasting(60_000, 101, true), 99, None),
        ];
        for (record, number, expected) in cases {
            let mark = Mark::of(&record, &log(10), || number);
            assert_eq!(mark, expected, "{} {number}", record.status);
        }
    }

    #[test]
    fn at_the_ends_there_is_all_or_nothing() {
        let quick = lasting(10, 200, false);
        for number in [0, 99] {
            assert_eq!(Mark::of(&quick, &log(0), || number), None);
            let all = Mark::of(&quick, &log(100), || number);
            assert_eq!(all, Some(Mark::default()));
        }
        let unasked = Mark::of(&quick, &Log::default(), || panic!("no chance is needed"));
        assert_eq!(unasked, Some(Mark::default()));
    }

    #[test]
    fn without_a_threshold_nothing_is_slow() {
        let log = Log {
            slow: None,
            ..log(0)
        };
        assert_eq!(Mark::of(&lasting(60_000, 200, false), &log, || 0), None);
    }

    #[test]
    fn a_request_without_a_line_is_counted_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let metrics = Metrics::new(&[], &[], UNIX_EPOCH).unwrap();
        let mut log = Log {
            access: AccessLog::File(path.clone()),
            format: LogFormat::Combined,
            sample: Percent::new(0),
            slow: None,
        };
        let access_log =
            observe::AccessLog::open(&log.access, metrics.access_log_dropped()).unwrap();
        let observer = Observer::new(metrics, access_log);
        let meters = observer.metrics.route("home", "web");
        for (status, format) in [
            (200, LogFormat::Combined),
            (502, LogFormat::Combined),
            (404, LogFormat::Json),
            (503, LogFormat::Json),
        ] {
            log.format = format;
            let places = Places {
                route: Some(&meters),
                ..Places::default()
            };
            observer.record(&Record { status, ..record() }, places, &log);
        }
        assert!(observer.access_log.close(Duration::from_secs(10)));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("\" 502 2 \""), "{text}");
        assert!(lines[1].contains("\"status\":503"), "{text}");
        assert_eq!(observer.metrics.access_log_sampled_out().get(), 2);
        assert_eq!(meters.requests(), [0, 1, 0, 1, 2]);
    }
}
