//! Whether a password is the one that was hashed: tens of milliseconds, and much memory, as its maker meant it.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::{Argon2id, Bcrypt, PasswordHash};

/// bcrypt reads so many bytes of a password with the NUL behind it, and nothing beyond.
const BCRYPT_READS: usize = 72;
/// What bcrypt works on, in KiB.
const BCRYPT_MEMORY_KIB: u32 = 4;

/// There was no memory for the check: nothing is known of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittleMemory;

impl PasswordHash {
    /// Whether it is of this password. Takes as long whether it is or not.
    pub fn is_of(&self, password: &[u8]) -> Result<bool, TooLittleMemory> {
        match self {
            Self::Argon2id(hash) => hash.is_of(password),
            Self::Bcrypt(hash) => Ok(hash.is_of(password)),
        }
    }

    /// What one check takes of memory.
    pub fn memory_kib(&self) -> u32 {
        match self {
            Self::Argon2id(hash) => hash.memory_kib,
            Self::Bcrypt(_) => BCRYPT_MEMORY_KIB,
        }
    }

    /// Bytes that no other hash has: its kind, its costs, its salt and its value.
    pub(crate) fn identity(&self) -> Vec<u8> {
        match self {
            Self::Argon2id(hash) => {
                let costs = [hash.memory_kib, hash.passes, hash.lanes].map(u32::to_be_bytes);
                let lengths = [hash.salt.len() as u64, hash.tag.len() as u64].map(u64::to_be_bytes);
                [
                    &b"a"[..],
                    costs.as_flattened(),
                    lengths.as_flattened(),
                    &hash.salt,
                    &hash.tag,
                ]
                .concat()
            }
            Self::Bcrypt(hash) => [
                &b"b"[..],
                &hash.cost.to_be_bytes(),
                &hash.salt,
                &hash.digest,
            ]
            .concat(),
        }
    }
}

impl Argon2id {
    fn is_of(&self, password: &[u8]) -> Result<bool, TooLittleMemory> {
        let params = Params::new(
            self.memory_kib,
            self.passes,
            self.lanes,
            Some(self.tag.len()),
        );
        // The file's reader has let none through that these would refuse: what is left is want of memory.
        let params = params.map_err(|_bounds| TooLittleMemory)?;
        let mut tag = Zeroizing::new(vec![0; self.tag.len()]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password, &self.salt, &mut tag)
            .map_err(|_want| TooLittleMemory)?;
        Ok(verify_slices_are_equal(&tag, &self.tag).is_ok())
    }
}

impl Bcrypt {
    fn is_of(&self, password: &[u8]) -> bool {
        let mut read = Zeroizing::new([0; BCRYPT_READS]);
        let mut length = 1; // of the NUL
        for (to, from) in read.iter_mut().zip(password) {
            *to = *from;
            length += 1;
        }
        let read = read.get(..length.min(BCRYPT_READS)).unwrap_or_default();
        if read.is_empty() || !(4..=31).contains(&self.cost) {
            return false; // neither can be; the crate would panic
        }
        let digest = bcrypt::bcrypt(self.cost, self.salt, read);
        let kept = digest.get(..self.digest.len()).unwrap_or_default();
        verify_slices_are_equal(kept, &self.digest).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes and what they are of, made by other programs: the tests of the reference implementation of Argon2, those of
    /// `crypt_blowfish` and of jBCrypt.
    const KNOWN: [(&str, &[u8]); 6] = [
        (
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            b"password",
        ),
        (
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            b"password",
        ),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", b"U*U"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", b"U*U*"),
        ("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", b""),
        (
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        ),
    ];

    #[test]
    fn what_other_programs_have_hashed_is_known_again() {
        for (text, password) in KNOWN {
            let Ok(hash) = PasswordHash::parse(text) else {
                panic!("{text}");
            };
            assert_eq!(hash.is_of(password), Ok(true), "{text}");
            for other in [b"Password".to_vec(), [b"x", password].concat()] {
                assert_eq!(hash.is_of(&other), Ok(false), "{text} {other:?}");
            }
        }
    }

    #[test]
    fn no_two_hashes_have_one_identity() {
        let identities = KNOWN.map(|(text, _)| match PasswordHash::parse(text) {
            Ok(hash) => hash.identity(),
            Err(bad) => panic!("{text}: {bad:?}"),
        });
        for (nth, one) in identities.iter().enumerate() {
            assert_eq!(identities.iter().position(|other| other == one), Some(nth));
        }
    }
}
