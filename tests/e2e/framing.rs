//! Where messages begin and end: corpora of requests that readers are known to read in more than one way, before
//! a server that is strict about every byte.

mod chunks;
mod codings;
mod expectations;
mod fields;
mod http2;
mod judge;
mod lengths;
mod lines;
mod local;
mod names;
mod nominations;
mod protocols;
mod pseudo;
mod regular;
mod row;
mod spellings;
mod stream;
mod targets;
mod upgrades;

use judge::{Court, Way};
use row::Row;

fn corpus() -> Vec<Row> {
    [
        codings::rows(),
        lengths::rows(),
        chunks::rows(),
        lines::rows(),
        fields::rows(),
        targets::rows(),
        protocols::rows(),
        expectations::rows(),
        nominations::rows(),
        local::rows(),
    ]
    .concat()
}

async fn all_are_sound(way: Way) {
    let rows = corpus();
    assert!(rows.len() >= 200, "{} rows", rows.len());
    let court = Court::open().await;
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| way.takes(row)) {
        wrong.extend(court.try_row(row, way).await);
    }
    wrong.extend(court.closing().await);
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn no_request_is_read_in_two_ways_when_it_comes_at_once() {
    all_are_sound(Way::AtOnce).await;
}

#[tokio::test]
async fn no_request_is_read_in_two_ways_when_it_comes_in_pieces() {
    all_are_sound(Way::InPieces).await;
}

#[tokio::test]
async fn no_request_is_read_in_two_ways_behind_a_good_one() {
    all_are_sound(Way::Behind).await;
}

#[tokio::test]
async fn no_request_is_read_in_two_ways_over_tls() {
    all_are_sound(Way::Tls).await;
}
