//! The script beside the limits of one process: the same verdicts for the same requests at the same times.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use redis::aio::MultiplexedConnection;
use simplon::{
    config::model::By,
    limits::{Bucket, Identity, Limit, Live, Subject},
};

use crate::harness::Redis;

const TEXT: &str = include_str!("../../../proxy/src/limits/shared/script.lua");

/// The moment at which tests begin; any will do, but keys expire by the server's own clock.
const BEGIN: u64 = 1_800_000_000_000_000;

#[derive(Clone, Debug)]
struct Course {
    bucket: Bucket,
    /// Requests that may wait their turn.
    waiting: u32,
    /// Microseconds between requests.
    gaps: Vec<u64>,
}

/// What one side said: how long to wait, whether there was room, and until when it is empty.
type Said = (u64, bool, u64);

fn course() -> impl Strategy<Value = Course> {
    // So slow that no key expires by the server's clock while a test runs.
    let bucket =
        (1..2000_u32, 3600..864_000_u64, 1..40_u32).prop_map(|(rate, window, burst)| Bucket {
            rate: NonZeroU32::new(rate).unwrap(),
            window: Duration::from_secs(window),
            burst: NonZeroU32::new(burst).unwrap(),
        });
    (bucket, prop_oneof![Just(0), 0..5_u32]).prop_flat_map(|(bucket, waiting)| {
        let interval = u64::try_from(bucket.interval().as_micros()).unwrap();
        let gap = prop_oneof![
            3 => Just(0),
            3 => 0..interval + 2,
            2 => (0..3_u64).prop_map(move |more| interval - 1 + more),
            1 => 0..interval * 50,
        ];
        vec(gap, 1..60).prop_map(move |gaps| Course {
            bucket,
            waiting,
            gaps,
        })
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

/// By this process's own limits.
fn here(course: &Course) -> Vec<Said> {
    let identity = Identity {
        owner: Arc::from("test"),
        name: Arc::from("test"),
        by: By::Client,
    };
    let begin = Instant::now();
    let delay = course.bucket.interval() * course.waiting;
    let limit = Limit::new(
        identity,
        course.bucket,
        delay,
        Arc::new(Live::new(10, begin)),
    );
    let key = limit.table().key(Subject::Value(b"one"));
    let mut after = Duration::ZERO;
    let mut said = Vec::new();
    for gap in &course.gaps {
        after += Duration::from_micros(*gap);
        let now = begin + after;
        let standing = limit.check(key, now);
        said.push(if standing.passes() {
            (0, true, nanos(standing.reset))
        } else if let Some((turn, counted)) = limit.queue(key, now) {
            (nanos(turn.wait), true, nanos(counted.reset))
        } else {
            (nanos(standing.wait), false, nanos(standing.reset))
        });
    }
    said
}

struct There {
    connection: MultiplexedConnection,
    courses: u64,
}

impl There {
    async fn at(redis: &Redis) -> Self {
        let client = redis::Client::open(redis.to_string()).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        Self {
            connection,
            courses: 0,
        }
    }

    /// One request before buckets of interval, capacity, patience, and whether each binds.
    async fn ask(&mut self, keys: &[&str], buckets: &[[u64; 4]], now: u64) -> Vec<Said> {
        let mut command = redis::cmd("EVAL");
        command.arg(TEXT).arg(keys.len()).arg(keys);
        for bucket in buckets {
            command.arg(bucket);
        }
        command.arg(now);
        let found: Vec<u64> = command.query_async(&mut self.connection).await.unwrap();
        let (triples, _) = found.as_chunks::<3>();
        let said = triples
            .iter()
            .map(|[wait, backlog, room]| (*wait, *room == 1, *backlog));
        said.collect()
    }

    /// The course on a new bucket.
    async fn run(&mut self, course: &Course) -> Vec<Said> {
        self.courses += 1;
        let key = format!("course {}", self.courses);
        let interval = nanos(course.bucket.interval());
        let (capacity, patience) = (
            nanos(course.bucket.fill()),
            interval * u64::from(course.waiting),
        );
        let mut now = BEGIN;
        let mut said = Vec::new();
        for gap in &course.gaps {
            now += gap;
            let bucket = [interval, capacity, patience, 1];
            said.extend(self.ask(&[&key], &[bucket], now).await);
        }
        said
    }
}

#[test]
fn the_script_says_what_this_process_would() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = runtime.block_on(Redis::start());
    let there = tokio::sync::Mutex::new(runtime.block_on(There::at(&redis)));
    let config = ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new(config);
    runner
        .run(&course(), |course| {
            let said = runtime.block_on(async { there.lock().await.run(&course).await });
            prop_assert_eq!(said, here(&course));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

const SECOND: u64 = 1_000_000_000;

#[tokio::test]
async fn all_that_are_binding_take_a_request_or_none_does() {
    let redis = Redis::start().await;
    let mut there = There::at(&redis).await;
    let (wide, narrow) = (
        [3600 * SECOND, 36_000 * SECOND, 0, 1],
        [7200 * SECOND, 7200 * SECOND, 0, 1],
    );
    let watching = [7200 * SECOND, 7200 * SECOND, 0, 0];
    let keys = ["wide", "narrow", "watching"];
    let said = there.ask(&keys, &[wide, narrow, watching], BEGIN).await;
    assert_eq!(
        said,
        [
            (0, true, 3600 * SECOND),
            (0, true, 7200 * SECOND),
            (0, true, 7200 * SECOND)
        ]
    );
    // The narrow one is full: the wide one has room, and does not count.
    let said = there.ask(&keys, &[wide, narrow, watching], BEGIN).await;
    assert_eq!(
        said,
        [
            (0, true, 3600 * SECOND),
            (7200 * SECOND, false, 7200 * SECOND),
            (7200 * SECOND, false, 7200 * SECOND)
        ]
    );
    // One that only watches keeps nobody from counting.
    let said = there
        .ask(&["wide", "watching"], &[wide, watching], BEGIN)
        .await;
    assert_eq!(
        said,
        [
            (0, true, 7200 * SECOND),
            (7200 * SECOND, false, 7200 * SECOND)
        ]
    );
}

#[tokio::test]
async fn intervals_below_a_microsecond_add_up() {
    let redis = Redis::start().await;
    let mut there = There::at(&redis).await;
    // Half full, so that it is not over while the test runs.
    let until = format!("{} 0", BEGIN + 1_800_000_000);
    assert_eq!(redis.ask(&["SET", "fast", &until]).await, "OK");
    let bucket = [333, 3600 * SECOND, 0, 1];
    for nth in 1..=10 {
        let said = there.ask(&["fast"], &[bucket], BEGIN).await;
        assert_eq!(said, [(0, true, 1800 * SECOND + 333 * nth)]);
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_nobody_out_for_longer_than_a_full_bucket() {
    let redis = Redis::start().await;
    let mut there = There::at(&redis).await;
    let bucket = [3600 * SECOND, 7200 * SECOND, 0, 1];
    for _ in 0..2 {
        there.ask(&["key"], &[bucket], BEGIN).await;
    }
    let year = 365 * 86_400 * 1_000_000;
    let said = there.ask(&["key"], &[bucket], BEGIN - year).await;
    assert_eq!(said, [(3600 * SECOND, false, 7200 * SECOND)]);
}
