//! The keys of the moment: one that seals, and the one before it, which still opens.

use std::{sync::Arc, time::SystemTime};

use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::{
    Policy,
    key::{Key, Opened},
};

/// The first line of the file, so that nobody takes it for something else.
const TITLE: &str = "simplon session ticket keys 1";

pub(super) struct Ring {
    newest: Arc<Key>,
    previous: Option<Arc<Key>>,
}

impl Ring {
    /// A key that comes after `text`, the file as it was, with what the file is to hold from now on.
    pub(super) fn next(
        text: Option<&str>,
        now: SystemTime,
    ) -> Result<(Self, Zeroizing<String>), Unspecified> {
        let (newest, line) = Key::generate(now)?;
        let before = text.and_then(lines).and_then(|mut lines| lines.next());
        let previous = before.and_then(Key::read).map(Arc::new);
        let before = before.filter(|_| previous.is_some()).unwrap_or_default();
        let mut next = Zeroizing::new(String::with_capacity(512));
        for line in [TITLE, line.as_str(), before] {
            next.push_str(line);
            if !line.is_empty() {
                next.push('\n');
            }
        }
        let newest = Arc::new(newest);
        Ok((Self { newest, previous }, next))
    }

    /// The keys of a file; `None` if it is not one of ours, or damaged.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut lines = lines(text)?;
        let newest = Arc::new(Key::read(lines.next()?)?);
        let previous = match lines.next() {
            Some(line) => Some(Arc::new(Key::read(line)?)),
            None => None,
        };
        lines.next().is_none().then_some(Self { newest, previous })
    }

    /// A new key that no file holds, before the one that sealed so far.
    pub(super) fn rotated(before: Option<&Self>, now: SystemTime) -> Result<Self, Unspecified> {
        let (newest, _) = Key::generate(now)?;
        Ok(Self {
            newest: Arc::new(newest),
            previous: before.map(|ring| Arc::clone(&ring.newest)),
        })
    }

    pub(super) fn is_old(&self, now: SystemTime) -> bool {
        self.newest.is_old(now)
    }

    pub(super) fn is_of_the_future(&self, now: SystemTime) -> bool {
        self.newest.is_of_the_future(now)
    }

    pub(super) fn seal(
        &self,
        policy: &Policy,
        session: &[u8],
        began: SystemTime,
    ) -> Option<Vec<u8>> {
        self.newest.seal(policy, session, began)
    }

    pub(super) fn open(&self, policy: &Policy, ticket: &[u8], now: SystemTime) -> Option<Opened> {
        let mut keys = std::iter::once(&self.newest).chain(&self.previous);
        keys.find_map(|key| key.open(policy, ticket, now))
    }
}

fn lines(text: &str) -> Option<std::str::Lines<'_>> {
    let mut lines = text.lines();
    (lines.next()? == TITLE).then_some(lines)
}
