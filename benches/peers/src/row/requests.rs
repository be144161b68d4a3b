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

/// Connections of HTTP/1.1, each with one request at a time.
pub(super) const CONNECTIONS: usize = 64;

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
    let host = format!("Host: {}", running.last_host());
    let spent = Spent::begin(running)?;
    let answered = if row == Row::H2 {
        h2load::run(field, &tls, seconds).await?
    } else {
        let wrk = Wrk {
            url: if row == Row::Tls { &tls } else { &plain },
            connections: CONNECTIONS,
            seconds,
            headers: &[&host],
        };
        wrk.run(field).await?
    };
    let line = match running.setup.name {
        "" => row.name().to_owned(),
        name => format!("H1 plain, {name}"),
    };
    let mut figure = spent.per_request(&line, running, answered)?;
    if running.setup.workers > 1 {
        // It shares a core with its load, and cannot have all of both.
        figure.busy = None;
    }
    Ok(vec![figure])
}
