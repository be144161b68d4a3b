//! Limits with time as a parameter: tables of cases, and what holds for any of them.

mod cases;
mod properties;
mod tables;

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Bucket, Identity, Limit, Live, Subject};
use crate::config::model::By;

fn bucket(rate: u32, window_ms: u64, burst: u32) -> Bucket {
    Bucket {
        rate: NonZeroU32::new(rate).unwrap(),
        window: ms(window_ms),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn identity() -> Identity {
    Identity {
        owner: "a.example/".into(),
        name: "default".into(),
        by: By::Client,
    }
}

/// A limit with a state of its own for `keys`, and when its time begins.
fn limit(bucket: Bucket, delay: Duration, keys: usize) -> (Limit, Instant) {
    let begun = Instant::now();
    let live = Arc::new(Live::new(keys, begun));
    (Limit::new(identity(), bucket, delay, live), begun)
}

fn value(number: &u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// Whether one more of this number passes.
fn passes(limit: &Limit, number: u32, now: Instant) -> bool {
    let key = limit.table().key(Subject::Value(&value(&number)));
    limit.check(key, now).passes()
}
