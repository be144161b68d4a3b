//! How much later an answer comes through the proxy than from the server itself.

use super::Figure;
use crate::{
    field::Field,
    load::open::{self, RATE},
    outcome::Outcome,
    peer::Running,
    statistics::percentile,
};

/// A rare event needs many requests to be seen: a load takes so many times longer.
const LONGER: f64 = 3.0;

pub(super) async fn measure(
    field: &Field,
    running: &Running,
    seconds: f64,
) -> Outcome<Vec<Figure>> {
    let direct = open::run(field, field.origin.address, false, seconds).await?;
    let through = open::run(field, running.https, true, seconds * LONGER).await?;
    let mut figures = Vec::new();
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let without = percentile(&direct, share).ok_or("no answers")?;
        let with = percentile(&through, share).ok_or("no answers")?;
        figures.push(Figure {
            line: format!("added latency {name}, {RATE}/s, 5 % new"),
            unit: "µs",
            value: with - without,
            busy: None,
            is_compared: true,
        });
    }
    Ok(figures)
}
