//! The threads that serve. Each accepts for itself, and a connection stays with the one that accepted it.
//!
//! So what one connection needs (its socket, its timers, the server connections it used last) is in the cache of one
//! core, and nobody is woken for another. The kernel says who gets which connection, by a hash of both addresses and
//! ports with a secret of its own (`SO_REUSEPORT`, socket(7)): over many connections that is even, over a few it need not
//! be, and how busy a worker is it does not know. A worker that is busy for long has those wait that are its own.
//!
//! What belongs to the process (signals, reloads, checks, the admin endpoint) is on the main thread, and holds no worker up.

use std::{cell::Cell, io, iter, num::NonZeroUsize, sync::Arc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
};

/// What works beside the workers, such as checks of passwords, does so in threads of this name.
pub const BESIDE: &str = "simplon-block";

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// The runtimes that connections live in, one at least. Threads that were started for them end with the last clone.
#[derive(Clone, Debug)]
pub struct Workers {
    first: Handle,
    others: Arc<[Handle]>,
    /// Nothing is ever sent: its end is the word.
    _end: Arc<watch::Sender<()>>,
}

impl Workers {
    /// Starts threads, each with a runtime of its own.
    pub fn start(count: NonZeroUsize) -> io::Result<Self> {
        let end = watch::Sender::new(());
        let first = start(0, end.subscribe())?;
        let others = (1..count.get()).map(|number| start(number, end.subscribe()));
        Ok(Self {
            first,
            others: others.collect::<io::Result<_>>()?,
            _end: Arc::new(end),
        })
    }

    /// No thread of their own: the caller's runtime is the one worker.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn here() -> Self {
        Self {
            first: Handle::current(),
            others: Arc::default(),
            _end: Arc::default(),
        }
    }

    pub fn count(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(self.others.len())
    }

    /// In order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Handle> {
        iter::once(&self.first).chain(self.others.iter())
    }
}

/// The kernel cuts the name of a thread after 15 bytes, so it is short enough for a number.
fn start(number: usize, mut end: watch::Receiver<()>) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name(BESIDE)
        .build()?;
    let handle = runtime.handle().clone();
    let serve = move || {
        NUMBER.set(number);
        runtime.block_on(async { while end.changed().await.is_ok() {} });
        runtime.shutdown_background();
    };
    thread::Builder::new()
        .name(format!("simplon-w{number}"))
        .spawn(serve)?;
    Ok(handle)
}

/// Something of which each worker has its own, so that none waits for another.
#[derive(Debug)]
pub struct PerWorker<T> {
    first: T,
    others: Box<[T]>,
}

impl<T> PerWorker<T> {
    pub fn new(workers: &Workers, mut make: impl FnMut() -> T) -> Self {
        Self {
            first: make(),
            others: workers.others.iter().map(|_| make()).collect(),
        }
    }

    /// That of the worker whose thread this is. Threads that are none share the first one's.
    pub fn mine(&self) -> &T {
        let other = NUMBER.get().checked_sub(1);
        other
            .and_then(|place| self.others.get(place))
            .unwrap_or(&self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(count: usize) -> Workers {
        Workers::start(NonZeroUsize::new(count).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_task_stays_on_its_worker_and_finds_what_is_its_own() {
        let workers = workers(3);
        assert_eq!(workers.count().get(), 3);
        let mut numbers = 0..;
        let numbered = Arc::new(PerWorker::new(&workers, || numbers.next().unwrap()));
        for (number, worker) in workers.iter().enumerate() {
            let numbered = Arc::clone(&numbered);
            let task = worker.spawn(async move {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                    assert_eq!(*numbered.mine(), number);
                }
                thread::current().name().map(str::to_owned)
            });
            assert_eq!(task.await.unwrap(), Some(format!("simplon-w{number}")));
        }
        assert_eq!(*numbered.mine(), 0);
    }

    #[tokio::test]
    async fn without_threads_there_is_one_worker() {
        let workers = Workers::here();
        assert_eq!(workers.count().get(), 1);
        assert_eq!(workers.first.id(), Handle::current().id());
    }

    #[tokio::test]
    async fn a_panic_ends_its_task_and_not_the_worker() {
        let workers = workers(1);
        let broken = workers.first.spawn(async { panic!("as asked") });
        assert!(broken.await.unwrap_err().is_panic());
        assert_eq!(workers.first.spawn(async { 1 }).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn threads_end_with_the_last_who_knows_them() {
        let workers = workers(2);
        let tasks: Vec<_> = workers
            .iter()
            .map(|worker| worker.spawn(std::future::pending::<()>()))
            .collect();
        drop(workers.clone());
        assert!(tasks.iter().all(|task| !task.is_finished()));
        drop(workers);
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
    }
}
