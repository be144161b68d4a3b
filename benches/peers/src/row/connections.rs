//! Whether a request costs more where many connections are open: alone on one, then on 64 beside idle ones.

use super::{Figure, requests::CONNECTIONS};
use crate::{
    field::Field,
    load::{idle::Idle, wrk::Wrk},
    origin,
    outcome::Outcome,
    peer::{Kind, Running},
    round::Spent,
};

pub(super) async fn measure(
    field: &Field,
    running: &Running,
    seconds: f64,
) -> Outcome<Vec<Figure>> {
    let mut alone = asked(field, running, seconds, 1, "H1 plain, one connection").await?;
    // It waits for each answer, whatever the proxy.
    alone.busy = None;
    let mut figures = vec![alone];
    let mut idle = Idle::plain(running);
    for (held, line) in [
        (0, "H1 plain, none idle"),
        (1_000, "H1 plain, 1,000 idle"),
        (10_000, "H1 plain, 10,000 idle"),
    ] {
        if held > 1_000 && running.kind() == Kind::Relay {
            break; // it would hold as many connections to the server
        }
        idle.grow(held).await?;
        figures.push(asked(field, running, seconds, CONNECTIONS, line).await?);
    }
    idle.ask().await?;
    Ok(figures)
}

async fn asked(
    field: &Field,
    running: &Running,
    seconds: f64,
    connections: usize,
    line: &str,
) -> Outcome<Figure> {
    let url = format!("http://{}{}", running.http, origin::SMALL);
    let wrk = Wrk {
        url: &url,
        connections,
        seconds,
        headers: &[],
    };
    let spent = Spent::begin(running)?;
    let answered = wrk.run(field).await?;
    spent.per_request(line, running, answered)
}
