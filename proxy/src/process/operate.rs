//! Orders of operators for the servers of the running edge, and what they see of these.

use std::{sync::Arc, time::Instant};

use serde::{Deserialize, Serialize};

use super::Edge;
use crate::{
    admin::{AdminView, StatsView},
    balance::{Changed, Operation, Operator, Order, Selected, Weight, select},
    config::did_you_mean,
    snapshot::Snapshot,
};

/// What came of an operation.
#[derive(Debug)]
pub struct Operated {
    /// Every server that was named, changed or not.
    pub servers: Vec<Changed>,
    /// Why this will not outlive the process, if so.
    pub fleeting: Option<String>,
}

/// One server as an operator who waits for it sees it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServerStatus {
    pub upstream: String,
    pub server: String,
    /// As the stats page shows it.
    pub state: String,
    pub order: Order,
    /// The operator's, if there is one.
    pub weight: Option<Weight>,
    /// Requests at it just now.
    pub in_flight: u32,
}

impl Edge {
    /// Changes the servers of these names (see [`select`]) and says so in the log, or changes nothing and says
    /// why. It holds, and is written down, when this returns. Blocks on the disk.
    pub fn operate(
        &self,
        names: &[String],
        operation: Operation,
        by: &Operator,
    ) -> Result<Operated, String> {
        let orders = &self.world.orders;
        let snapshot = self.snapshot.load();
        let selected = selected(names, &snapshot)?;
        let servers = orders.operate(&selected, operation, Instant::now())?;
        for changed in servers.iter().filter(|changed| changed.is_change()) {
            tracing::info!("{} ({by})", changed.event());
        }
        Ok(Operated {
            servers,
            fleeting: self.orders_file.save(orders).err(),
        })
    }

    /// The servers of these names as they are just now.
    pub(super) fn servers(&self, names: &[String]) -> Result<Vec<ServerStatus>, String> {
        let snapshot = self.snapshot.load();
        let now = Instant::now();
        let status = |(upstream, server): Selected<'_>| {
            let ordered = server.vitals.ordered();
            ServerStatus {
                upstream: upstream.name().to_string(),
                server: server.label.to_string(),
                state: server.state(now).to_string(),
                order: ordered.order,
                weight: ordered.weight,
                in_flight: server.vitals.in_flight(),
            }
        };
        Ok(selected(names, &snapshot)?
            .into_iter()
            .map(status)
            .collect())
    }

    /// What the stats page shows, but of upstreams only these; none named is all.
    pub(super) fn status(&self, upstreams: &[String]) -> Result<StatsView, String> {
        let mut stats = self.stats();
        if upstreams.is_empty() {
            return Ok(stats);
        }
        let known = || stats.upstreams.iter().map(|upstream| &*upstream.name);
        if let Some(name) = upstreams
            .iter()
            .find(|name| known().all(|known| known != *name))
        {
            let hint = did_you_mean(name, known()).map(|hint| format!("\n  hint: {hint}"));
            return Err(format!(
                "there is no upstream \"{}\"{}",
                name.escape_debug(),
                hint.unwrap_or_default()
            ));
        }
        stats
            .upstreams
            .retain(|upstream| upstreams.contains(&upstream.name));
        Ok(stats)
    }
}

fn selected<'a>(names: &[String], snapshot: &'a Snapshot) -> Result<Vec<Selected<'a>>, String> {
    let upstreams: Vec<&Arc<_>> = snapshot.upstreams.iter().collect();
    select(names, &upstreams)
}

impl Operated {
    /// A line for each server, and one more if it will not last.
    pub fn message(&self) -> String {
        let servers = self.servers.iter().map(ToString::to_string);
        let fleeting = self.fleeting.iter();
        let fleeting = fleeting.map(|why| format!("this will not outlive a restart: {why}"));
        servers.chain(fleeting).collect::<Vec<_>>().join("\n")
    }
}
