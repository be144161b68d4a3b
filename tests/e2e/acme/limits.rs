//! What is never asked more of a CA.

use std::time::Duration;

use super::{ONE, plain};
use crate::harness::{Pebble, Setup, Terms};

#[tokio::test]
async fn our_own_limit_stops_orders_and_says_until_when_over_restarts_too() {
    // Certificates that are to be renewed as soon as they are there.
    let pebble = Pebble::start(Terms {
        profiles: vec![("default", Duration::from_secs(3))],
        ..plain()
    })
    .await;
    let text = ONE.replace("http-01", "http-01, limits: { duplicates: 2/1h }");
    let setup = || Setup::of(&text).certified_by(&pebble);
    let words = "our limit of 2 certificates for these hosts in 1 h is reached";
    let mut directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let edge = setup().kept_in(directory).start().await;
        let line = edge.errors().await_line(words).await;
        let (_, rest) = line.split_once("the next try is in ").unwrap();
        let seconds: u32 = rest.split(' ').next().unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&seconds), "{line}");
        assert_eq!((pebble.orders(), pebble.certificates()), (2, 2));
        directory = edge.leave().await;
    }
}
