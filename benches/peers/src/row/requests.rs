//! What a small request costs: by HTTP/1.1, plain and over TLS, and by HTTP/2.

use super::{Figure, Row};
use crate::{
    field::Field,
    load::{h2load, wrk::Wrk},
    origin,
    outcome::Outcome,
    peer::Running,
    round::Spent,
};

const CONNECTIONS: usize = 64;

pub(super) async fn measure(
    row: Row,
    field: &Field,
    running: &Running,
    seconds: f64,
) -> Outcome<Vec<Figure>> {
    let plain = format!("http://{}{}", running.http, origin::SMALL);
    let tls = format!(
        "https://localhost:{}{}",
        running.https.port(),
        origin::SMALL
    );
    let spent = Spent::begin(running)?;
    let answered = if row == Row::H2 {
        h2load::run(field, &tls, seconds).await?
    } else {
        let wrk = Wrk {
            url: if row == Row::H1 { &plain } else { &tls },
            connections: CONNECTIONS,
            seconds,
            headers: &[],
        };
        wrk.run(field).await?
    };
    Ok(vec![spent.per_request(row.name(), running, answered)?])
}
