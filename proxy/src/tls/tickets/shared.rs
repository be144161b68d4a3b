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

const OF_THE_FUTURE: &str = "they are of a clock that is half a day or more ahead of this machine's; once all clocks \
    are right, remove tickets.keys";

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
    /// Those of the last reading were given away.
    is_taken: bool,
}

impl Shared {
    /// Gives `take` the keys of the file if they are not those it has had. Makes a new key if the newest is
    /// old, unless somebody else is just about to.
    ///
    /// Keys of a clock far ahead of ours are an error, and left as they are: whoever made them would hold ours
    /// for old, and the two would replace each other's for ever.
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
                is_taken: true,
            },
        };
        self.place.insert(place).refresh(now, take)
    }
}

impl Place {
    fn refresh(&mut self, now: SystemTime, take: impl Fn(Arc<Ring>)) -> io::Result<()> {
        self.read(now, &take)?;
        if self.is_fresh(now) {
            return Ok(());
        }
        let Some(_lock) = self.state.lock(LOCK)? else {
            return Ok(());
        };
        // Whoever held the lock until now may have made one.
        self.read(now, &take)?;
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
    fn read(&mut self, now: SystemTime, take: &impl Fn(Arc<Ring>)) -> io::Result<()> {
        let modified = self.state.modified(FILE);
        let is_new = modified.is_none() || modified != self.modified;
        if is_new || !self.is_taken {
            self.read_anew(modified, now, take)?;
        }
        Ok(())
    }

    fn read_anew(
        &mut self,
        modified: Option<SystemTime>,
        now: SystemTime,
        take: &impl Fn(Arc<Ring>),
    ) -> io::Result<()> {
        let text = self.text()?;
        self.ring = text
            .as_deref()
            .and_then(|text| Ring::read(text))
            .map(Arc::new);
        self.modified = modified;
        match &self.ring {
            Some(ring) if ring.is_of_the_future(now) => {
                self.is_taken = false;
                return Err(io::Error::other(OF_THE_FUTURE));
            }
            Some(ring) => {
                self.is_taken = true;
                take(Arc::clone(ring));
            }
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
