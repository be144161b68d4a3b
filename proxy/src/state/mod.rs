//! The state directory: what outlives the process. Keys, certificates, accounts and tickets lie here.
//!
//! Files are of mode 0600 in directories of mode 0700, whatever the umask, and are replaced whole or not
//! at all: a process that is killed at any point leaves what was there before, or what was to come.
//! Several processes, and several nodes over a shared file system, may use one directory at a time.

mod lock;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

pub use lock::Lock;

/// The beginning of a draft's name; a draft becomes a file by being renamed.
const DRAFT: &str = ".new-";
/// A draft this old was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
/// No file of ours is larger; one that is was not written by us.
const LARGEST: u64 = 4 << 20;

/// A state directory that is there and may be written, as far as that can be known beforehand.
///
/// Names are paths relative to it, made of our own words and of what was checked to hold no `/`.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// Opens the directory, making it if it is missing. One that others may open is used as it is, and told of.
    pub fn open(root: &Path) -> io::Result<Self> {
        make_directory(root)?;
        let mode = fs::metadata(root)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            tracing::warn!(
                "the state directory {} has mode {mode:o}; 700 keeps keys from others",
                root.display()
            );
        }
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Looks at a directory that may be missing, without making it; for `simplon check`.
    pub fn look(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Does `work` where it may wait for the disk, and not on a thread that serves connections. It is
    /// done to its end even if nobody waits for it any more. `Err`: it could not be done.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> io::Result<T> {
        let state = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&state)).await;
        done.map_err(io::Error::other)
    }

    /// Where a file lies, to be shown.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where a file or directory lies that is to be used. A name that could lead out of the directory is
    /// refused, whoever made it.
    fn place(&self, name: &str) -> io::Result<PathBuf> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..");
        if name.chars().any(char::is_control) || !name.split('/').all(is_part) {
            let words = format!("{name:?} is no name in the state directory");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        Ok(self.path(name))
    }

    /// A directory of it; the empty name is its root.
    fn directory(&self, name: &str) -> io::Result<PathBuf> {
        match name {
            "" => Ok(self.root.clone()),
            name => self.place(name),
        }
    }

    /// The file's content, or `None` if there is no such file.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.place(name)?;
        match fs::metadata(&path) {
            Ok(file) if file.len() > LARGEST => Err(io::ErrorKind::FileTooLarge.into()),
            Ok(_) => fs::read(&path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file whole or not at all; once this returns, it also outlives a power failure.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.place(name)?;
        let directory = path.parent().unwrap_or(&self.root);
        make_directory(directory)?;
        let draft = directory.join(format!("{DRAFT}{:016x}", fastrand::u64(..)));
        let written = write_draft(&draft, content)
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| File::open(directory)?.sync_all());
        if written.is_err() {
            // The disk may be full; a draft must not make it fuller.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Removes the file if it is there.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.place(name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The names of the files in one of its directories, without drafts. A missing directory is empty.
    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.directory(directory)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// When the file was last replaced; `None` if it is not there.
    pub fn modified(&self, name: &str) -> Option<SystemTime> {
        fs::metadata(self.place(name).ok()?).ok()?.modified().ok()
    }

    /// Takes the lock of that name, or gives `None` if another process or task holds it.
    pub fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let path = self.place(&format!("locks/{name}"))?;
        make_directory(&self.path("locks"))?;
        Lock::take(&path)
    }

    /// Removes drafts that killed processes left in one of its directories.
    pub fn sweep(&self, directory: &str, now: SystemTime) {
        let Ok(entries) = self.directory(directory).and_then(fs::read_dir) else {
            return;
        };
        for entry in entries.flatten() {
            let is_draft = entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(DRAFT.as_bytes());
            let modified = entry.metadata().and_then(|file| file.modified()).ok();
            let age = modified.and_then(|at| now.duration_since(at).ok());
            if is_draft && age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Makes the directory, and those above it, with mode 0700 even under a stricter umask.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_directory(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o700)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_draft(draft: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true) // whatever has that name already is not ours
        .mode(0o600)
        .open(draft)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(&home.path().join("a/state")).unwrap();
        (home, state)
    }

    #[test]
    fn files_and_directories_are_private() {
        let (_home, state) = state();
        state
            .write("certificates/example.ch.pem", b"secret")
            .unwrap();
        let mode =
            |name: &str| fs::metadata(state.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("certificates/example.ch.pem"), 0o600);
        assert_eq!(mode("certificates"), 0o700);
        assert_eq!(mode(""), 0o700);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let (_home, state) = state();
        state.write("x/one", b"old").unwrap();
        state.write("x/one", b"new").unwrap();
        assert_eq!(state.read("x/one").unwrap().unwrap(), b"new");
        assert_eq!(fs::read_dir(state.path("x")).unwrap().count(), 1);
        assert_eq!(state.list("x").unwrap(), ["one"]);
        state.remove("x/one").unwrap();
        state.remove("x/one").unwrap();
        assert_eq!(state.read("x/one").unwrap(), None);
        assert!(state.list("nowhere").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let (_home, state) = state();
        state.write("one", b"old").unwrap();
        fs::create_dir(state.path("two")).unwrap();
        assert!(state.write("two", b"a directory has that name").is_err());
        assert_eq!(state.read("one").unwrap().unwrap(), b"old");
        let left: Vec<_> = fs::read_dir(state.path("")).unwrap().flatten().collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn old_drafts_are_swept_and_fresh_ones_are_left() {
        let (_home, state) = state();
        fs::write(state.path(".new-0123"), "half a k").unwrap();
        state.sweep("", SystemTime::now());
        assert!(state.path(".new-0123").exists());
        state.sweep("", SystemTime::now() + 2 * ABANDONED);
        assert!(!state.path(".new-0123").exists());
    }

    #[test]
    fn a_lock_is_held_by_one_at_a_time() {
        let (_home, state) = state();
        let held = state.lock("example.ch").unwrap().unwrap();
        assert!(state.lock("example.ch").unwrap().is_none());
        assert!(state.lock("example.com").unwrap().is_some());
        drop(held);
        assert!(state.lock("example.ch").unwrap().is_some());
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let (home, state) = state();
        fs::write(home.path().join("a/victim"), "precious").unwrap();
        fs::create_dir(state.path("x")).unwrap();
        for name in [
            "",
            "..",
            "../victim",
            "x/../../victim",
            "/etc/hostname",
            "x//one",
            "x/",
            "./one",
            "one\0two",
            "one\ntwo",
        ] {
            let refused = |result: io::Result<()>| {
                assert_eq!(
                    result.unwrap_err().kind(),
                    io::ErrorKind::InvalidInput,
                    "{name:?}"
                );
            };
            refused(state.read(name).map(drop));
            refused(state.write(name, b"mine now"));
            refused(state.remove(name));
            assert_eq!(state.modified(name), None, "{name:?}");
            if !name.is_empty() {
                refused(state.list(name).map(drop));
            }
            if !name.is_empty() {
                refused(state.lock(name).map(drop));
            }
        }
        let left = fs::read_to_string(home.path().join("a/victim")).unwrap();
        assert_eq!(left, "precious");
    }

    #[tokio::test]
    async fn work_is_done_off_the_threads_that_serve() {
        let (_home, state) = state();
        let here = std::thread::current().id();
        let (written, there) = state
            .with(|state| (state.write("one", b"1"), std::thread::current().id()))
            .await
            .unwrap();
        written.unwrap();
        assert_ne!(there, here);
        let broken = state.with(|_| panic!("as planned")).await;
        assert!(broken.is_err());
    }
}
