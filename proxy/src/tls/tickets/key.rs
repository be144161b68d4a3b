//! One key for tickets: what it seals, and how it is written down.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
    rand,
};
use zeroize::Zeroizing;

use super::{LIFETIME, Policy};

const NAME: usize = 16;
const SECRET: usize = 32;
/// Of the moment at which a session began, in seconds.
const STAMP: usize = 8;

/// What was in a ticket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) session: Vec<u8>,
    /// With a full handshake.
    pub(super) began: SystemTime,
}

/// The secret itself is not kept: the cipher has it, and overwrites it when it goes.
pub(super) struct Key {
    name: [u8; NAME],
    /// Seconds since 1970.
    born: u64,
    cipher: RandomizedNonceKey,
}

impl Key {
    /// A new key, and the line from which it can be read again.
    pub(super) fn generate(now: SystemTime) -> Result<(Self, Zeroizing<String>), Unspecified> {
        let mut name = [0; NAME];
        let mut secret = Zeroizing::new([0; SECRET]);
        rand::fill(&mut name)?;
        rand::fill(&mut secret[..])?;
        let key = Self {
            name,
            born: seconds(now),
            cipher: RandomizedNonceKey::new(&AES_256_GCM, &secret[..])?,
        };
        // Room for all of it, so that no piece stays behind where the text grew out of.
        let mut line = Zeroizing::new(String::with_capacity(128));
        // Writing to memory cannot fail.
        let _ = write!(line, "{} ", key.born);
        for byte in name {
            let _ = write!(line, "{byte:02x}");
        }
        line.push(' ');
        for byte in *secret {
            let _ = write!(line, "{byte:02x}");
        }
        Ok((key, line))
    }

    /// What [`Self::generate`] has written, and nothing else.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let (born, name, secret) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let secret = Zeroizing::new(bytes::<SECRET>(secret)?);
        Some(Self {
            name: bytes(name)?,
            born: born.parse().ok()?,
            cipher: RandomizedNonceKey::new(&AES_256_GCM, &secret[..]).ok()?,
        })
    }

    /// Whether another should have taken its place.
    pub(super) fn is_old(&self, now: SystemTime) -> bool {
        seconds(now).saturating_sub(self.born) >= LIFETIME.as_secs()
    }

    /// Whether it was made by a clock so far ahead of ours that one of the two must be wrong.
    pub(super) fn is_of_the_future(&self, now: SystemTime) -> bool {
        self.born.saturating_sub(seconds(now)) >= LIFETIME.as_secs()
    }

    /// Name, nonce, and what is sealed: when the session `began`, and the session.
    pub(super) fn seal(
        &self,
        policy: &Policy,
        session: &[u8],
        began: SystemTime,
    ) -> Option<Vec<u8>> {
        let mut sealed = Zeroizing::new(Vec::with_capacity(STAMP + session.len() + 16));
        sealed.extend_from_slice(&seconds(began).to_be_bytes());
        sealed.extend_from_slice(session);
        let aad = Aad::from(policy);
        let nonce = self
            .cipher
            .seal_in_place_append_tag(aad, &mut *sealed)
            .ok()?;
        Some([&self.name[..], nonce.as_ref(), &sealed[..]].concat())
    }

    pub(super) fn open(&self, policy: &Policy, ticket: &[u8], now: SystemTime) -> Option<Opened> {
        let rest = ticket.strip_prefix(&self.name)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(policy);
        let opened = self.cipher.open_in_place(nonce, aad, &mut sealed).ok()?;
        let (stamp, session) = opened.split_first_chunk::<STAMP>()?;
        let began = u64::from_be_bytes(*stamp);
        // A node whose clock is ahead may have sealed it a little later than now.
        let age = seconds(now).saturating_sub(began);
        let began = UNIX_EPOCH.checked_add(Duration::from_secs(began))?;
        (age < LIFETIME.as_secs()).then(|| Opened {
            session: session.to_vec(),
            began,
        })
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

fn bytes<const N: usize>(hexadecimal: &str) -> Option<[u8; N]> {
    let digits = hexadecimal.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(bytes)
}
