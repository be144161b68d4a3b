//! What an idle connection with TLS holds: how memory grows from 1,000 of them to 10,000.

use std::time::Duration;

use tokio::time::sleep;

use super::{Figure, Row};
use crate::{field::Field, load::idle::Idle, outcome::Outcome, peer::Running, sample};

const FEW: u32 = 1_000;
const MANY: u32 = 10_000;

/// What is freed late, such as by a collector, is freed by then.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) async fn measure(row: Row, field: &Field, running: &Running) -> Outcome<Vec<Figure>> {
    let mut idle = Idle::tls(field, running)?;
    let few = held(&mut idle, running, FEW).await?;
    let many = held(&mut idle, running, MANY).await?;
    idle.ask().await?;
    Ok(vec![Figure {
        line: row.name().to_owned(),
        unit: "KiB a connection",
        value: (many - few) / f64::from(MANY - FEW),
        busy: None,
        is_compared: true,
    }])
}

/// KiB of the proxy with so many connections.
#[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
async fn held(idle: &mut Idle, running: &Running, connections: u32) -> Outcome<f64> {
    idle.grow(usize::try_from(connections)?).await?;
    sleep(SETTLE).await;
    Ok(sample::memory(running.group())? as f64)
}
