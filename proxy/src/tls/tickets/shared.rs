//! The file by which processes and nodes share their keys.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use zeroize::Zeroizing;

use super::ring::Ring;
use crate::state::State;

pub(super) const FILE: &str = "tickets.keys";
pub(super) const LOCK: &str = "tickets";

/// What is known of the file.
#[derive(Default)]
pub(super) struct Shared {
    /// Whether the operator has heard that it cannot be used.
    pub(super) warned: bool,
    place: Option<Place>,
}

struct Place {
    directory: PathBuf,
    state: State,
    /// When what was last read of it had been written.
    modified: Option<SystemTime>,
    ring: Option<Arc<Ring>>,
}

impl Shared {
    /// Gives `take` the keys of the file if they are not those it has had. Makes a new key if the newest is
    /// old, unless somebody else is just about to.
    pub(super) fn refresh(
        &mut self,
        directory: &Path,
        now: SystemTime,
        take: impl Fn(Arc<Ring>),
    ) -> io::Result<()> {
        let place = match self.place.take() {
            Some(place) if place.directory == directory => place,
            _ => Place {
                directory: directory.to_owned(),
                state: State::open(directory)?,
                modified: None,
                ring: None,
            },
        };
        self.place.insert(place).refresh(now, take)
    }
}

impl Place {
    fn refresh(&mut self, now: SystemTime, take: impl Fn(Arc<Ring>)) -> io::Result<()> {
        self.read(&take)?;
        if self.is_fresh(now) {
            return Ok(());
        }
        let Some(_lock) = self.state.lock(LOCK)? else {
            return Ok(());
        };
        // Whoever held the lock until now may have made one.
        self.read(&take)?;
        if self.is_fresh(now) {
            return Ok(());
        }
        let before = self.text()?;
        let before = before.as_ref().map(|text| text.as_str());
        let (ring, text) = Ring::next(before, now).map_err(io::Error::other)?;
        self.state.write(FILE, text.as_bytes())?;
        self.modified = self.state.modified(FILE);
        take(Arc::clone(self.ring.insert(Arc::new(ring))));
        Ok(())
    }

    /// Reads the file if it is another than before.
    fn read(&mut self, take: &impl Fn(Arc<Ring>)) -> io::Result<()> {
        let modified = self.state.modified(FILE);
        if modified.is_some() && modified == self.modified {
            return Ok(());
        }
        let text = self.text()?;
        self.ring = text
            .as_deref()
            .and_then(|text| Ring::read(text))
            .map(Arc::new);
        self.modified = modified;
        match &self.ring {
            Some(ring) => take(Arc::clone(ring)),
            None if text.is_some() => {
                tracing::warn!("{FILE} in the state directory is damaged and will be replaced");
            }
            None => {}
        }
        Ok(())
    }

    /// What is not text is damaged like any other.
    fn text(&self) -> io::Result<Option<Zeroizing<String>>> {
        let bytes = self.state.read(FILE)?.map(Zeroizing::new);
        Ok(bytes.map(|bytes| Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
    }

    fn is_fresh(&self, now: SystemTime) -> bool {
        self.ring.as_ref().is_some_and(|ring| !ring.is_old(now))
    }
}
