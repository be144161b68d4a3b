//! Keeps a connection to the store: opens it, watches it, and opens it again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use super::{
    circuit,
    link::{Driver, Link},
    reason,
    store::State,
};
use crate::config::model::OnFailure;

/// For everything that comes before the first question: name, connection, TLS, password, script.
const OPENING: Duration = Duration::from_secs(2);

/// How often a store is looked after that perhaps nobody asks, and how long it may take to answer then.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A connection that lasted less long says nothing good of the store.
const STEADY: Duration = Duration::from_secs(10);

/// How often a store that comes and goes is worth a line of the log.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Runs until it is aborted.
pub(super) async fn keep(state: Arc<State>) {
    let mut failures = 0;
    let mut story = Story::default();
    loop {
        let why = match open(&state).await {
            Ok((link, mut driver)) => {
                let since = Instant::now();
                state.begin(link.clone());
                story.reached(&state);
                let why = hold(&state, &link, &mut driver).await;
                if since.elapsed() >= STEADY {
                    failures = 0;
                }
                why
            }
            Err(why) => why,
        };
        state.end();
        story.lost(&state, &why);
        sleep(circuit::pause(failures, fastrand::f64())).await;
        failures = failures.saturating_add(1);
    }
}

/// A connection on which the store does what it must as quickly as it must.
async fn open(state: &State) -> Result<(Link, Driver), String> {
    let within = state.settings.timeout;
    let (link, driver) = timeout(OPENING, Link::open(&state.dial))
        .await
        .map_err(|_elapsed| format!("no answer within {OPENING:?}"))?
        .map_err(|error| reason::of_error(&error, &state.dial))?;
    // The first question of all takes longer than any other.
    timeout(within, link.try_out())
        .await
        .map_err(|_elapsed| format!("a check takes more than {within:?}"))?
        .map_err(|error| reason::of_error(&error, &state.dial))?;
    Ok((link, driver))
}

/// Watches over a connection until it is of no use any more; says why.
async fn hold(state: &State, link: &Link, driver: &mut Driver) -> String {
    loop {
        tokio::select! {
            () = state.given_up.notified() => {
                // One before this may have been given up when its end was seen already, and nobody was there to be told.
                if state.asks_by(link.number) {
                    continue;
                }
                let why = state.lost.lock().take();
                return why.unwrap_or_else(|| "it was given up".to_owned());
            }
            _ = driver.join_next() => return "it closed the connection".to_owned(),
            () = sleep(LOOK_EVERY) => {}
        }
        match timeout(LOOK_EVERY, link.try_out()).await {
            // Said again, as a reload that was refused may have tried the same store with another password.
            Ok(Ok(())) => state.meters.up(true),
            Ok(Err(error)) => return reason::of_error(&error, &state.dial),
            Err(_elapsed) => return format!("no answer within {LOOK_EVERY:?}"),
        }
    }
}

impl State {
    fn begin(&self, link: Link) {
        self.circuit.reset();
        // What was said of the link before is not true of this one.
        *self.lost.lock() = None;
        *self.link.write() = Some(link);
        self.meters.up(true);
        self.tried.send_replace(true);
    }

    fn end(&self) {
        *self.link.write() = None;
        self.meters.up(false);
        self.tried.send_replace(true);
    }
}

/// What the log was told last.
#[derive(Debug, Default)]
struct Story {
    is_reached: Option<bool>,
    warned: Option<Instant>,
}

impl Story {
    fn reached(&mut self, state: &State) {
        let place = &state.settings.address;
        match self.is_reached.replace(true) {
            Some(true) => {}
            Some(false) => tracing::info!("limits_store: {place} is back, limits are shared again"),
            None => tracing::info!("limits_store: limits are shared at {place}"),
        }
    }

    fn lost(&mut self, state: &State, why: &str) {
        let is_due = self.warned.is_none_or(|last| last.elapsed() >= TELL_EVERY);
        if self.is_reached == Some(false) || !is_due {
            return;
        }
        self.is_reached = Some(false);
        self.warned = Some(Instant::now());
        let meanwhile = match state.settings.on_failure {
            OnFailure::Local => "each node counts for itself",
            OnFailure::Allow => "nothing is limited",
            OnFailure::Refuse => "requests with limits are refused",
        };
        let place = &state.settings.address;
        tracing::warn!("limits_store: {place} cannot be used, {meanwhile} until it is back: {why}");
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
        sync::{Notify, watch},
    };

    use super::*;
    use crate::{
        config::{
            model::{Address, LimitsStore},
            problem::Located,
        },
        limits::shared::{Dial, circuit::Circuit},
        observe::Metrics,
    };

    /// Answers every command on the first connection as a store with room for everybody does.
    async fn serve(listener: TcpListener) {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if !line.starts_with('*') {
                continue;
            }
            lines.next_line().await.unwrap(); // how long the command's name is
            let name = lines.next_line().await.unwrap().unwrap();
            let answer = match name.as_str() {
                "SCRIPT" => "+hash\r\n",
                "EVALSHA" => "*3\r\n:0\r\n:1\r\n:1\r\n",
                _ => "+OK\r\n",
            };
            writer.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn state(listener: &TcpListener) -> State {
        let settings = LimitsStore {
            at: Located::nowhere(()),
            address: Address::Socket(listener.local_addr().unwrap()),
            database: 0,
            tls: None,
            user: None,
            password_file: None,
            timeout: Duration::from_secs(5),
            on_failure: OnFailure::Local,
        };
        let metrics = Metrics::new(&[], &[], std::time::SystemTime::now()).unwrap();
        State {
            dial: Dial::new(&settings, None, None),
            settings,
            link: parking_lot::RwLock::default(),
            circuit: Circuit::default(),
            lost: parking_lot::Mutex::default(),
            given_up: Notify::new(),
            tried: watch::Sender::new(false),
            meters: metrics.store("a"),
        }
    }

    #[tokio::test]
    async fn a_link_is_held_whatever_was_said_of_the_one_before_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = state(&listener);
        let server = tokio::spawn(serve(listener));
        let (link, mut driver) = open(&state).await.unwrap();
        state.given_up.notify_one(); // with nobody there who is told
        state.begin(link.clone());
        let held = timeout(Duration::ZERO, hold(&state, &link, &mut driver)).await;
        assert!(held.is_err(), "{held:?}");
        state.give_up(link.number, || "it is slow".to_owned());
        assert_eq!(hold(&state, &link, &mut driver).await, "it is slow");
        server.abort();
    }
}
