//! Watches certificates in files, and shows what is put there.
//!
//! By looking now and then: that works on network file systems and through the symbolic links that certbot
//! and Kubernetes swap, where notices from the kernel do not.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{task::JoinHandle, time::MissedTickBehavior};

use super::{Shown, Slot, doubts, files, self_signed, written};
use crate::{
    config::{
        model::{Certificate, CertificateSource},
        problem::Located,
    },
    snapshot::{Generation, Snapshot, SnapshotCell},
};

/// How often files are looked at. What is new is shown after the second look that finds it the same.
const PERIOD: Duration = Duration::from_secs(2);
/// Looks between two questions whether a self-signed certificate has to be signed anew: an hour.
const LOOKS: u32 = 1800;

/// The task that watches. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch(JoinHandle<()>);

impl Watch {
    /// Watches the files of whatever snapshot is published.
    pub fn start(snapshots: Arc<SnapshotCell>) -> Self {
        Self(tokio::spawn(watch(snapshots)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(snapshots: Arc<SnapshotCell>) {
    let mut pairs = Pairs::default();
    let mut looks = 0;
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let snapshot = snapshots.load();
        pairs.follow(&snapshot);
        looks = (looks + 1) % LOOKS;
        let is_hour = looks == 0;
        if pairs.watched.is_empty() && !is_hour {
            continue;
        }
        // A network file system may take its time.
        let looked = tokio::task::spawn_blocking(move || {
            let now = SystemTime::now();
            pairs.look(now);
            if is_hour {
                self_signed::renew(&snapshot, now);
            }
            pairs
        });
        pairs = looked.await.unwrap_or_default();
    }
}

/// The pairs of files of one generation.
#[derive(Default)]
struct Pairs {
    generation: Generation,
    watched: Vec<Pair>,
}

impl Pairs {
    /// Whatever slot lives on keeps what is known of its files.
    fn follow(&mut self, snapshot: &Snapshot) {
        if self.generation == snapshot.generation {
            return;
        }
        self.generation = snapshot.generation;
        let mut before: HashMap<_, _> = std::mem::take(&mut self.watched)
            .into_iter()
            .map(|pair| (Arc::as_ptr(&pair.slot), pair))
            .collect();
        let slots = snapshot.certificates.slots();
        for (certificate, slot) in snapshot.config.certificates.iter().zip(slots) {
            let known = before.remove(&Arc::as_ptr(slot));
            self.watched
                .extend(known.or_else(|| Pair::of(certificate, slot)));
        }
    }

    fn look(&mut self, now: SystemTime) {
        for pair in &mut self.watched {
            pair.look(now);
        }
    }
}

/// A chain and its key on disk, and the slot that shows them.
struct Pair {
    slot: Arc<Slot>,
    hosts: Vec<Located<String>>,
    chain: Located<PathBuf>,
    key: Located<PathBuf>,
    /// As of the last look.
    seen: Option<Stamps>,
    /// As of the last time they were read well.
    read: Option<Stamps>,
    /// What was wrong the last time, so that it is told once.
    problem: Option<String>,
}

impl Pair {
    fn of(certificate: &Certificate, slot: &Arc<Slot>) -> Option<Self> {
        let CertificateSource::Files { chain, key } = &certificate.source else {
            return None;
        };
        Some(Self {
            slot: Arc::clone(slot),
            hosts: certificate.hosts.clone(),
            chain: chain.clone(),
            key: key.clone(),
            seen: None,
            read: None,
            problem: None,
        })
    }

    /// Shows what is new, if it has settled and belongs together.
    fn look(&mut self, now: SystemTime) {
        let stamps = Some(Stamps::of(&self.chain.value, &self.key.value));
        let has_settled = self.seen == stamps;
        self.seen = stamps;
        if !has_settled || self.read == stamps {
            return;
        }
        match files::read(&self.chain, &self.key) {
            Ok(new) => {
                self.read = stamps;
                self.problem = None;
                self.show(new, now);
            }
            // Half of a pair may have been replaced; the other half is on its way.
            Err(problem) => {
                if self.problem.as_ref() != Some(&problem.message) {
                    tracing::warn!("{}; the certificate from before stays", problem.message);
                    self.problem = Some(problem.message);
                }
            }
        }
    }

    fn show(&self, new: Shown, now: SystemTime) {
        let before = self.slot.shown();
        if before.is_some_and(|before| before.chain.cert == new.chain.cert) {
            return;
        }
        let (file, until) = (self.chain.value.display(), written(new.facts.not_after));
        tracing::info!(
            hosts = self.slot.hosts.join(" "),
            "{file} has changed and is shown, valid until {until}"
        );
        for doubt in doubts(&new, &self.hosts, &self.chain, now) {
            tracing::warn!("{}", doubt.message);
        }
        self.slot.show(new);
    }
}

/// What tells that a file was replaced or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamps {
    chain: Option<Stamp>,
    key: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    modified: (i64, i64),
    /// Permissions, too, change whether a file can be read.
    changed: (i64, i64),
    length: u64,
}

impl Stamps {
    fn of(chain: &Path, key: &Path) -> Self {
        Self {
            chain: Stamp::of(chain).ok(),
            key: Stamp::of(key).ok(),
        }
    }
}

impl Stamp {
    /// Of what the path leads to, behind all links.
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        Ok(Self {
            file: (file.dev(), file.ino()),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            length: file.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::tls::Source;

    /// Files `a.pem` and `a.key` in a directory, and what watches them.
    struct Place {
        home: tempfile::TempDir,
        pair: Pair,
    }

    impl Place {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let path = |name| Located::nowhere(home.path().join(name));
            let certificate = Certificate {
                hosts: vec![Located::nowhere("a.test".to_owned())],
                source: CertificateSource::Files {
                    chain: path("a.pem"),
                    key: path("a.key"),
                },
                is_default: false,
            };
            let slot = Arc::new(Slot::new(vec!["a.test".to_owned()], Source::Files));
            let pair = Pair::of(&certificate, &slot).unwrap();
            Self { home, pair }
        }

        fn put(&self, name: &str, text: &str) {
            let draft = self.home.path().join("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(draft, self.home.path().join(name)).unwrap();
        }

        /// Looks once; gives the serial number of what is shown after it.
        fn look(&mut self) -> Option<String> {
            self.pair.look(SystemTime::now());
            self.pair
                .slot
                .shown()
                .map(|shown| shown.facts.serial.clone())
        }
    }

    fn certificate(serial: u8) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.serial_number = Some(vec![serial].into());
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_is_shown_once_it_has_settled_and_belongs_together() {
        let mut place = Place::new();
        let (one, other) = (certificate(1), certificate(2));
        let shown = |serial: &str| Some(serial.to_owned());
        place.put("a.pem", &one.0);
        assert_eq!([place.look(), place.look()], [None, None]);
        assert!(place.pair.problem.is_some());
        place.put("a.key", &one.1);
        assert_eq!(place.look(), None);
        assert_eq!(place.look(), shown("01"));
        assert_eq!(place.pair.problem, None);
        place.put("a.key", &other.1);
        assert_eq!([place.look(), place.look()], [shown("01"), shown("01")]);
        assert!(place.pair.problem.is_some());
        place.put("a.pem", &other.0);
        assert_eq!(place.look(), shown("01"));
        assert_eq!(place.look(), shown("02"));
        fs::remove_file(place.home.path().join("a.pem")).unwrap();
        assert_eq!([place.look(), place.look()], [shown("02"), shown("02")]);
    }

    #[test]
    fn files_that_keep_changing_are_waited_for() {
        let mut place = Place::new();
        let (chain, key) = certificate(1);
        place.put("a.key", &key);
        for _ in 0..3 {
            place.put("a.pem", &chain);
            assert_eq!(place.look(), None);
            assert_eq!(place.pair.problem, None);
        }
        assert_eq!(place.look(), Some("01".to_owned()));
    }
}
