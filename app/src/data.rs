//! The data directory: made if it is missing, and tried again and again for as long as we run.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// Time between two trials; so long may readiness lag behind a disk that fails or recovers.
const INTERVAL: Duration = Duration::from_secs(2);

/// A disk that takes longer than this for one small file is not fit to serve from.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether data can be written now; the reason is for people.
pub type Writable = Result<(), String>;

/// Creates the directory with mode 0700 if it is missing. One that is there keeps its mode.
pub fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Tries the directory in the background until nobody asks any more; returns with the first verdict.
pub async fn watch(path: PathBuf) -> watch::Receiver<Writable> {
    // Nobody sees this one: it only makes a good first verdict no news.
    let (verdict, mut watched) = watch::channel(Ok(()));
    tokio::spawn(async move {
        while !verdict.is_closed() {
            try_once(&path, &verdict).await;
            sleep(INTERVAL).await;
        }
    });
    let _ = watched.changed().await; // the sender lives as long as we look
    watched
}

async fn try_once(path: &Path, verdict: &watch::Sender<Writable>) {
    let probed = path.to_owned();
    let mut probe = spawn_blocking(move || write_and_remove(&probed));
    let outcome = match timeout(PATIENCE, &mut probe).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => {
            let reason = format!(
                "writing to {} takes longer than {PATIENCE:?}",
                path.display()
            );
            announce(verdict, Err(reason));
            // Wait for this one: a new trial for each interval would pile up threads on a dead disk.
            probe.await
        }
    };
    announce(verdict, judge(path, outcome));
}

/// Publishes the verdict, and then logs it if it is news.
fn announce(verdict: &watch::Sender<Writable>, found: Writable) {
    let before = verdict.send_replace(found.clone());
    match found {
        found if found == before => {}
        Ok(()) => info!("the data directory can be written again"),
        Err(reason) => warn!("not ready: {reason}"),
    }
}

fn judge(path: &Path, outcome: Result<io::Result<()>, JoinError>) -> Writable {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot write to {}: {error}", path.display())),
        Err(error) => Err(format!("cannot try {}: {error}", path.display())),
    }
}

fn write_and_remove(directory: &Path) -> io::Result<()> {
    // The process's id keeps two servers on one directory out of each other's way.
    let file = directory.join(format!(".writable-{}", std::process::id()));
    fs::write(&file, b"ok")?;
    fs::remove_file(&file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_missing_directory_is_made_for_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/data");
        create(&path).unwrap();
        create(&path).expect("it may already be there");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_goes_and_comes_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        create(&path).unwrap();
        let mut watched = watch(path.clone()).await;
        assert_eq!(*watched.borrow(), Ok(()));
        assert_eq!(
            fs::read_dir(&path).unwrap().count(),
            0,
            "a trial leaves nothing behind"
        );

        fs::remove_dir(&path).unwrap();
        let gone = watched
            .wait_for(Result::is_err)
            .await
            .unwrap()
            .clone()
            .unwrap_err();
        assert!(
            gone.starts_with(&format!("cannot write to {}: ", path.display())),
            "{gone}"
        );

        create(&path).unwrap();
        watched.wait_for(Result::is_ok).await.unwrap();
    }
}
