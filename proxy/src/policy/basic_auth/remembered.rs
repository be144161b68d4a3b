//! Who has logged in of late, so that not every request of a browser costs what a login does.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;

use super::{super::PasswordHash, Credentials};

/// What names, passwords and hashes become before they are kept: it tells nothing of them without the process's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark([u8; 32]);

impl Mark {
    /// Of these credentials where this hash is asked, the name's own or another's. With another password, or another hash in
    /// the file, it is another.
    pub fn of(
        secret: &hmac::Key,
        credentials: &Credentials,
        hash: &PasswordHash,
        is_own: bool,
    ) -> Self {
        let mut context = hmac::Context::with_key(secret);
        context.update(&[u8::from(is_own)]);
        let (name, password) = (credentials.name().as_bytes(), credentials.password());
        for part in [name, password, &hash.identity()] {
            // With their lengths, so that no two sequences of parts are one.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mark = [0; 32];
        mark.iter_mut()
            .zip(context.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(mark)
    }
}

/// Credentials that have been found good. Bad ones are never here.
#[derive(Debug, Default)]
pub struct Remembered(HashMap<Mark, Instant>);

/// A password that was changed elsewhere is good for so long at most; one that is changed in the file, until the reload.
const TIME: Duration = Duration::from_secs(5 * 60);
/// As many as a file has users.
const MOST: usize = 10_000;

impl Remembered {
    pub fn has(&self, mark: &Mark, now: Instant) -> bool {
        self.0.get(mark).is_some_and(|until| *until > now)
    }

    pub fn keep(&mut self, mark: Mark, now: Instant) {
        if self.0.len() >= MOST {
            self.0.retain(|_, until| *until > now);
        }
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, until)| **until);
            let oldest = oldest.map(|(mark, _)| *mark);
            oldest.map(|mark| self.0.remove(&mark));
        }
        self.0.insert(mark, now + TIME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Users;

    fn secret(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    #[test]
    fn a_mark_is_of_one_name_one_password_and_one_hash() {
        let file = b"a:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
b:$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";
        let users = Users::parse(file).unwrap();
        let (one, other) = (users.hash_of("a").unwrap(), users.hash_of("b").unwrap());
        // ab:c, a:bc, a:b, and a:b once more
        let [longer_name, longer, first, again] = ["YWI6Yw==", "YTpiYw==", "YTpi", "YTpi"]
            .map(|encoded| Credentials::parse(format!("Basic {encoded}").as_bytes()).unwrap());
        let mark = Mark::of(&secret(1), &first, one, true);
        assert_eq!(Mark::of(&secret(1), &again, one, true), mark);
        assert_ne!(Mark::of(&secret(1), &again, one, false), mark);
        for (secret, credentials, hash) in [
            (secret(2), &first, one),
            (secret(1), &longer_name, one),
            (secret(1), &longer, one),
            (secret(1), &first, other),
        ] {
            assert_ne!(Mark::of(&secret, credentials, hash, true), mark);
        }
    }

    #[test]
    fn what_is_remembered_is_forgotten_in_time() {
        let (mut remembered, start) = (Remembered::default(), Instant::now());
        let mark = Mark([1; 32]);
        assert!(!remembered.has(&mark, start));
        remembered.keep(mark, start);
        assert!(remembered.has(&mark, start + TIME / 2));
        assert!(!remembered.has(&Mark([2; 32]), start));
        assert!(!remembered.has(&mark, start + TIME));
    }

    #[test]
    fn the_oldest_makes_room() {
        let (mut remembered, start) = (Remembered::default(), Instant::now());
        let mark = |nth: usize| {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&nth.to_be_bytes());
            Mark(mark)
        };
        let at = |nth: usize| start + Duration::from_millis(nth as u64);
        for nth in 0..=MOST {
            remembered.keep(mark(nth), at(nth));
        }
        assert_eq!(remembered.0.len(), MOST);
        assert!(!remembered.has(&mark(0), at(MOST)));
        assert!(remembered.has(&mark(1), at(MOST)) && remembered.has(&mark(MOST), at(MOST)));
        remembered.keep(mark(MOST + 1), start + TIME * 2);
        assert_eq!(remembered.0.len(), 1);
    }
}
