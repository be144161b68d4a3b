//! What a connection with TLS costs: its handshake, one request, and its end.

use super::{Figure, Row};
use crate::{
    field::Field, load::handshakes::Clients, outcome::Outcome, peer::Running, round::Spent,
};

pub(super) async fn measure(
    row: Row,
    field: &Field,
    running: &Running,
    seconds: f64,
) -> Outcome<Vec<Figure>> {
    let clients = Clients::prepare(field, running, row == Row::Resumed).await?;
    let spent = Spent::begin(running)?;
    let answered = clients.run(seconds).await?;
    let mut figure = spent.per_request(row.name(), running, answered)?;
    figure.unit = "CPU µs a connection";
    Ok(vec![figure])
}
