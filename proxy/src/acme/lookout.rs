//! Looks at the certificates in the state directory for everybody: another process or node may have put one there.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use crate::state::State;

/// Polling works on network file systems, where notices from the kernel do not.
const PERIOD: Duration = Duration::from_secs(2);

/// When each file was last replaced, by its name.
pub(super) type Sight = Arc<HashMap<String, SystemTime>>;

/// The task that looks. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Lookout {
    sight: watch::Receiver<Sight>,
    looking: JoinHandle<()>,
}

impl Lookout {
    pub(super) fn start(state: State) -> Self {
        let (show, sight) = watch::channel(Sight::default());
        Self {
            sight,
            looking: tokio::spawn(look(state, show)),
        }
    }

    pub(super) fn sight(&self) -> watch::Receiver<Sight> {
        self.sight.clone()
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(state: State, show: watch::Sender<Sight>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = state.clone();
        if let Ok(Ok(seen)) = spawn_blocking(move || all(&state)).await {
            show.send_replace(Arc::new(seen));
        }
    }
}

fn all(state: &State) -> std::io::Result<HashMap<String, SystemTime>> {
    let names = state.list("certificates")?.into_iter();
    let with_time = |name: String| {
        let modified = state.modified(&format!("certificates/{name}"))?;
        Some((name, modified))
    };
    Ok(names.filter_map(with_time).collect())
}
