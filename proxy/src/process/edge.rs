//! The edge as a whole: what it is made of, and how it starts.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use rustls::KeyLog;
use tokio::{net::TcpListener, sync::mpsc};

use super::{
    control::{self, ControlSocket},
    descriptors, memory,
    orders_file::OrdersFile,
    processors,
    pulse::{self, Pulse},
    reload::{Attempt, ReloadError},
    signals::Wish,
    tickets,
};
use crate::{
    acme::{Keeper, Means},
    admin,
    config::{self, Config, Loaded, Problem, Report, Sources},
    gateway::{Door, Logins},
    listen::{self, Listeners, Prepared, Workers},
    observe::{AccessLog, Events, Metrics, Observer},
    respond::Refusal,
    snapshot::{Built, Snapshot, SnapshotCell, World},
    tls,
};

/// How long names of servers may take to resolve before the process goes on without them.
const RESOLVING: Duration = Duration::from_secs(5);

/// How long the store of limits may take to be reached before the process goes on without it.
const REACHING: Duration = Duration::from_secs(2);

/// Where the configuration comes from, and comes from again with a reload.
#[derive(Clone, Debug)]
pub enum Source {
    File(PathBuf),
    /// A file of `simplon up`, which begins anew each time: what operators order does not outlive the process.
    Trial(PathBuf),
    /// From the command line; there is nothing to reload.
    Given,
}

impl Source {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Trial(path) => Some(path),
            Self::Given => None,
        }
    }
}

/// The running edge.
pub struct Edge {
    pub(super) source: Source,
    pub(super) snapshot: Arc<SnapshotCell>,
    pub(super) world: World,
    pub(super) observer: Arc<Observer>,
    pub(super) orders_file: OrdersFile,
    /// What the process has said of itself of late.
    pub events: Arc<Events>,
    pub(super) listeners: Mutex<Listeners>,
    pub(super) started: Instant,
    pub(super) last_reload: Mutex<Attempt>,
    pub(super) draining: AtomicBool,
    pub(super) pulse: Pulse,
    /// Threads that serve.
    pub(super) workers: NonZeroUsize,
    /// Renews the certificates that CAs issue.
    pub(super) keeper: Keeper,
    /// Of operators at the page.
    pub(super) logins: Arc<Logins>,
    /// By which they ask for a reload.
    pub(super) wishes: mpsc::Sender<Wish>,
}

/// An edge that has started, with what its main task needs.
pub struct Running {
    pub edge: Arc<Edge>,
    /// Wishes of operators who use the control socket.
    pub(super) wishes: mpsc::Receiver<Wish>,
    /// Its file goes with the main task.
    pub(super) _control: Option<ControlSocket>,
    /// Certificates in files are read again until the end.
    pub(super) _watch: tls::Watch,
}

/// Why the edge did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Exit status 2.
    #[error("{0}")]
    Config(Report),
    /// Exit status 1.
    #[error("{0}")]
    World(String),
}

impl Edge {
    /// Starts everything: once this returns, clients are served.
    ///
    /// `key_log` is told the secrets of every connection with TLS; [`rustls::NoKeyLog`] keeps them. `events` are shown
    /// to operators; they come from [`crate::observe::logging::init`]. Connections live with `workers`, all else in the
    /// caller's runtime.
    pub async fn start(
        source: Source,
        loaded: Loaded,
        key_log: Arc<dyn KeyLog>,
        events: Arc<Events>,
        workers: Workers,
    ) -> Result<Running, StartError> {
        let Loaded {
            config, sources, ..
        } = loaded;
        let threads = workers.count();
        descriptors::provide(&config, threads);
        let observer = Arc::new(observer(&config).map_err(StartError::World)?);
        let snapshot = Arc::new(SnapshotCell::default());
        let orders_file = OrdersFile::of(&source, &config.state);
        let world = World {
            metrics: Arc::clone(&observer.metrics),
            resolver: Arc::new(tls::Resolver(Arc::clone(&snapshot))),
            tickets: Arc::default(),
            key_log,
            orders: Arc::new(orders_file.restore()),
            limits: Arc::default(),
            engines: Arc::default(),
            pressure: Arc::default(),
            may_write: true,
        };
        let (first, warnings) = build(config, &snapshot.load(), &world, &sources, Vec::new())
            .map_err(StartError::Config)?;
        tell(&warnings);
        tickets::share(&first, &world.tickets);

        let door = Door::new(Arc::clone(&snapshot), Arc::clone(&observer), &workers);
        let mut listeners = Listeners::new(Arc::new(door), workers);
        let prepared = listeners
            .prepare(first.listeners.clone())
            .map_err(StartError::World)?;
        let admin = bind_admin(&source, first.config.admin.bind).map_err(StartError::World)?;
        let (wish, wishes) = mpsc::channel(8);
        let control = open_control(&source, &first.config, wish.clone())
            .await
            .map_err(StartError::World)?;

        announce(&first.config, &prepared, &admin);
        reach_others(&first).await;
        snapshot.publish(first);
        start_work(&snapshot.load());
        let watch = tls::Watch::start(Arc::clone(&snapshot));
        listeners.commit(prepared, Duration::ZERO); // there is nobody yet
        let logins = Arc::new(Logins::new(Arc::clone(&observer.metrics)));
        let edge = Arc::new(Self {
            source,
            snapshot,
            world,
            observer,
            orders_file,
            events,
            listeners: Mutex::new(listeners),
            started: Instant::now(),
            last_reload: Mutex::new(Attempt::started()),
            draining: AtomicBool::new(false),
            pulse: Pulse::default(),
            workers: threads,
            keeper: Keeper::default(),
            logins,
            wishes: wish,
        });
        edge.keep_certificates();
        edge.observer.metrics.reload_succeeded(1, SystemTime::now());
        edge.tend();
        edge.show(admin);
        Ok(Running {
            edge,
            wishes,
            _control: control,
            _watch: watch,
        })
    }

    /// What goes on as long as the edge lives.
    fn tend(self: &Arc<Self>) {
        tokio::spawn(tickets::tend(Arc::downgrade(self)));
        tokio::spawn(memory::tend(Arc::downgrade(self)));
        tokio::spawn(pulse::tend(Arc::downgrade(self)));
        tokio::spawn(processors::tend(Arc::downgrade(self), self.workers));
    }

    /// Serves the admin endpoint.
    fn show(self: &Arc<Self>, listener: TcpListener) {
        let view: Arc<dyn admin::AdminView> = Arc::clone(self) as _;
        let router = admin::router(view);
        tokio::spawn(admin::serve(listener, router, std::future::pending()));
    }

    /// Reads the configuration again and puts it in force, or says why not. Whatever is wrong, the
    /// generation that is in force stays so.
    pub async fn reload(&self) -> Result<u64, ReloadError> {
        let result = self.try_reload().await;
        self.note(&result);
        result
    }

    async fn try_reload(&self) -> Result<u64, ReloadError> {
        let Some(path) = self.source.file() else {
            return Err(ReloadError::NoFile);
        };
        let (path, snapshot) = (path.to_owned(), self.snapshot.load());
        let (world, before) = (self.world.clone(), Arc::clone(&snapshot));
        // Reading and building take time that belongs to requests.
        let next = tokio::task::spawn_blocking(move || next(&path, &before, &world));
        let (next, warnings) = next.await.map_err(ReloadError::Panicked)??;
        tell(&warnings);
        reach_others(&next).await;
        let generation = next.generation;
        let mut listeners = self.listeners.lock();
        let prepared = listeners
            .prepare(next.listeners.clone())
            .map_err(ReloadError::World)?;
        let before = self.snapshot.publish(next);
        let now = self.snapshot.load();
        start_work(&now);
        retire(&before, &now);
        listeners.commit(prepared, now.config.drain.timeout);
        self.keep_certificates();
        Ok(generation)
    }

    /// Takes care of the certificates of the snapshot in force.
    fn keep_certificates(&self) {
        let snapshot = self.snapshot.load();
        let means = self.means(&snapshot);
        self.keeper.follow(&snapshot.managed(), means.as_ref());
    }

    pub(super) fn means(&self, snapshot: &Snapshot) -> Option<Means> {
        let answers = snapshot.answers.as_ref()?;
        Some(Means {
            state: answers.state().clone(),
            answers: Arc::clone(answers),
            meters: Arc::clone(&self.observer.metrics.issuers),
        })
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

fn next(path: &Path, before: &Snapshot, world: &World) -> Result<(Snapshot, Report), ReloadError> {
    let loaded = config::load(path).map_err(ReloadError::Config)?;
    super::reload::needs_restart(&before.config, &loaded.config)?;
    let warnings = loaded.warnings.problems().cloned().collect();
    let (next, warnings) = build(loaded.config, before, world, &loaded.sources, warnings)
        .map_err(ReloadError::Config)?;
    tickets::share(&next, &world.tickets);
    Ok((next, warnings))
}

/// Builds the snapshot; what is odd about the world is added to `warnings` about the text.
fn build(
    config: Config,
    before: &Snapshot,
    world: &World,
    sources: &Sources,
    mut warnings: Vec<Problem>,
) -> Result<(Snapshot, Report), Report> {
    let max_series = world.metrics.set_max_series(config.metrics.max_series);
    match Snapshot::build(config, before, world, Instant::now()) {
        Ok(built) => {
            let Built {
                snapshot,
                warnings: more,
            } = built;
            warnings.extend(more);
            Ok((snapshot, Report::new(warnings, sources)))
        }
        Err(problems) => {
            world.metrics.set_max_series(max_series);
            Err(Report::new(problems, sources))
        }
    }
}

fn tell(warnings: &Report) {
    if !warnings.is_empty() {
        tracing::warn!("the configuration has {}\n{warnings}", warnings.summary());
    }
}

fn observer(config: &Config) -> Result<Observer, String> {
    let labels: &'static [&'static str] = Refusal::labels().collect::<Vec<_>>().leak();
    let metrics = Metrics::new(labels, &listen::REASONS, SystemTime::now())
        .map_err(|error| format!("the metrics cannot be set up: {error}"))?;
    let access_log = AccessLog::open(&config.log.access, metrics.access_log_dropped())
        .map_err(|error| format!("cannot open the access log: {error}\n  hint: `log: {{ access: … }}` names it; its directory must exist"))?;
    Ok(Observer::new(metrics, access_log))
}

/// A proxy without a file has nothing to say where its admin endpoint is: if the usual port is taken,
/// perhaps by another one like it, any other will do.
fn bind_admin(source: &Source, address: SocketAddr) -> Result<TcpListener, String> {
    match (listen::listen(address), source) {
        (Err(error), Source::Given) if error.kind() == io::ErrorKind::AddrInUse => {
            let any = SocketAddr::new(address.ip(), 0);
            listen::listen(any).map_err(|error| listen::why(any, &error))
        }
        (bound, _) => bound.map_err(|error| listen::why(address, &error)),
    }
}

/// Without a file there is nothing to reload, and no word of where the socket is to be.
async fn open_control(
    source: &Source,
    config: &Config,
    wishes: mpsc::Sender<Wish>,
) -> Result<Option<ControlSocket>, String> {
    match source.file() {
        Some(_) => control::open(&config.control, wishes).await,
        None => Ok(None),
    }
}

/// Finds servers by their names, and the store of limits, before the first request needs them.
async fn reach_others(snapshot: &Snapshot) {
    resolve_names(snapshot).await;
    reach_store(snapshot).await;
}

async fn resolve_names(snapshot: &Snapshot) {
    let deadline = Instant::now() + RESOLVING;
    for upstream in snapshot.upstreams.iter() {
        upstream.resolve_all(deadline).await;
    }
}

/// Gives the first requests a store to be counted at, unless it takes too long to reach.
async fn reach_store(snapshot: &Snapshot) {
    if let Some(store) = &snapshot.limits_store {
        store.start();
        tokio::time::timeout(REACHING, store.tried()).await.ok();
    }
}

/// Checks of servers, and the export of traces. What the tracer before still has to send it sends by itself.
fn start_work(snapshot: &Snapshot) {
    for upstream in snapshot.upstreams.iter() {
        upstream.start_checks();
    }
    if let Some(tracer) = &snapshot.tracer {
        tracer.start();
    }
}

/// Ends the background work of upstreams and of a store that are not in force any more.
fn retire(before: &Snapshot, now: &Snapshot) {
    for upstream in before.upstreams.iter() {
        if !now.upstreams.iter().any(|kept| Arc::ptr_eq(kept, upstream)) {
            upstream.retire();
        }
    }
    if let Some(store) = &before.limits_store {
        let is_kept = now
            .limits_store
            .as_ref()
            .is_some_and(|kept| Arc::ptr_eq(kept, store));
        if !is_kept {
            store.retire();
        }
    }
}

fn announce(config: &Config, prepared: &Prepared, admin: &TcpListener) {
    for (listener, address) in prepared.addresses() {
        tracing::info!(%listener, "listening on {address}");
    }
    if let Ok(address) = admin.local_addr() {
        tracing::info!("stats and metrics on http://{address}/");
    }
    let (upstreams, routes) = (config.upstreams.len(), config.routes.len());
    tracing::info!(upstreams, routes, "generation 1 is in force");
}
