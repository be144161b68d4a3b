//! What passing on large bodies costs, plain and over TLS.

use super::{Figure, Row};
use crate::{field::Field, load::wrk::Wrk, origin, outcome::Outcome, peer::Running, round::Spent};

const CONNECTIONS: usize = 8;

pub(super) async fn measure(
    row: Row,
    field: &Field,
    running: &Running,
    seconds: f64,
) -> Outcome<Vec<Figure>> {
    let url = match row {
        Row::BodyTls => format!(
            "https://localhost:{}{}",
            running.https.port(),
            origin::LARGE
        ),
        _ => format!("http://{}{}", running.http, origin::LARGE),
    };
    let wrk = Wrk {
        url: &url,
        connections: CONNECTIONS,
        seconds,
        headers: &[],
    };
    let spent = Spent::begin(running)?;
    let answered = wrk.run(field).await?;
    // One body is one MiB.
    let mut figure = spent.per_request(row.name(), running, answered)?;
    figure.unit = "CPU µs a MiB";
    Ok(vec![figure])
}
