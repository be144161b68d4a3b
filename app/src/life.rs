//! The life of the process: start, serve, drain, end.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::InvalidHeaderValue;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::address::Bind;
use crate::cli::Serve;
use crate::listen::{BindError, Listener};
use crate::metrics::{self, Metrics};
use crate::shutdown::Signals;
use crate::state::{App, Phase};
use crate::{data, router, serve};

/// How a life that began well came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order, or at least within the time given for it.
    Drained,
    /// A second signal cut it short.
    Cut,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot create the data directory {}: {error}", path.display())]
    Data { path: PathBuf, error: io::Error },
    #[error("{0} cannot stand in a header")]
    Name(Bind, #[source] InvalidHeaderValue),
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
}

impl Failure {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bind(error) => error.hint(),
            Self::Data { .. } => {
                Some("give a directory this user may write to with --data".to_owned())
            }
            Self::Name(..) => Some("choose a path of plain characters".to_owned()),
            Self::Metrics(_) | Self::System(_) => None,
        }
    }
}

/// Serves until a signal says to stop.
pub fn run(options: &Serve) -> Result<Ending, Failure> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(live(options));
    // What is still running was given its time; a disk that hangs must not hold up the end.
    runtime.shutdown_background();
    outcome
}

async fn live(options: &Serve) -> Result<Ending, Failure> {
    data::create(&options.data).map_err(|error| Failure::Data {
        path: options.data.clone(),
        error,
    })?;
    let mut signals = Signals::install(options.until_stdin_closes)?;
    let listener = Listener::bind(&options.bind).await?;
    let address = listener.address()?;
    let app = Arc::new(App::new(
        name(&address)?,
        data::watch(options.data.clone()).await,
        Metrics::new()?,
    ));
    let metrics_address = serve_metrics(options, &app).await?;

    let (stop, stopped) = oneshot::channel();
    let serving = serve(listener, router(app.clone()), async move {
        let _ = stopped.await; // a sender that is gone means the same
    });
    let mut serving = Box::pin(serving);
    app.enter(Phase::Serving);
    info!(
        metrics = metrics_address.map(tracing::field::display),
        "listening on {address}"
    );

    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = &mut serving => return Ok(Ending::Drained),
    };
    app.enter(Phase::Draining);
    info!("{signal} received, draining");
    tokio::select! {
        () = drain(options, stop, serving) => Ok(Ending::Drained),
        signal = signals.next() => {
            warn!("{signal} received again, stopping at once");
            Ok(Ending::Cut)
        }
    }
}

fn name(address: &Bind) -> Result<HeaderValue, Failure> {
    HeaderValue::try_from(address.to_string())
        .map_err(|error| Failure::Name(address.clone(), error))
}

/// Shows the metrics on their own port, if one was asked for, until the process ends.
async fn serve_metrics(options: &Serve, app: &Arc<App>) -> Result<Option<Bind>, Failure> {
    let Some(address) = options.metrics else {
        return Ok(None);
    };
    let listener = Listener::bind(&Bind::Tcp(address)).await?;
    let address = listener.address()?;
    tokio::spawn(serve(
        listener,
        metrics::port::router(app.clone()),
        std::future::pending(),
    ));
    Ok(Some(address))
}

/// Goes on as before for the delay, then stops accepting and waits for what is in flight, within the time given.
async fn drain(
    options: &Serve,
    stop: oneshot::Sender<()>,
    mut serving: Pin<Box<impl Future<Output = ()>>>,
) {
    tokio::select! {
        () = sleep(options.drain_delay) => {}
        () = &mut serving => return,
    }
    let _ = stop.send(()); // whoever no longer listens has stopped
    match timeout(options.drain_timeout, serving).await {
        Ok(()) => info!("drained"),
        Err(_elapsed) => warn!(
            "requests still in flight after {:?} are cut off",
            options.drain_timeout
        ),
    }
}
