//! Hashed passwords as files hold them: Argon2id and bcrypt, and nothing weaker or dearer.

use std::{fmt, ops::RangeInclusive};

use base64::{
    Engine, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD,
    },
};

use super::BadLine;

/// A password as it may be kept. `Debug` shows what it costs, never what it is.
#[derive(Clone)]
pub enum PasswordHash {
    Argon2id(Argon2id),
    Bcrypt(Bcrypt),
}

/// Argon2id, version 1.3 (RFC 9106), from a PHC string: `$argon2id$v=19$m=65536,t=3,p=4$SALT$TAG`.
#[derive(Clone)]
pub struct Argon2id {
    /// KiB, from 8 for each lane to 256 MiB.
    pub memory_kib: u32,
    /// 1 or more; over the whole memory they come to 1 GiB at most.
    pub passes: u32,
    /// 1 to 16.
    pub lanes: u32,
    /// 8 to 48 bytes.
    pub salt: Box<[u8]>,
    /// 16 to 64 bytes.
    pub tag: Box<[u8]>,
}

/// bcrypt. What sets `$2a$`, `$2b$` and `$2y$` apart are mistakes that programs once made and make no longer.
#[derive(Clone)]
pub struct Bcrypt {
    /// The binary logarithm of the rounds, 4 to 14.
    pub cost: u32,
    pub salt: [u8; 16],
    pub digest: [u8; 23],
}

/// A login takes this much memory at most. RFC 9106 section 4 recommends 64 MiB, libsodium 256 MiB at most for logins.
const MOST_MEMORY_KIB: u32 = 256 << 10;
/// All passes together write this much at most, which takes about a second.
const MOST_WORK_KIB: u64 = 1 << 20;
const MOST_LANES: u32 = 16;
/// About a second; each step doubles it.
const MOST_COST: u32 = 14;
/// The format begins here (2^4 rounds).
const LEAST_COST: u32 = 4;

/// bcrypt's own alphabet. The last sign of salt and digest has bits to spare, and some programs write what they like
/// there.
const BCRYPT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

impl PasswordHash {
    pub(super) fn parse(text: &str) -> Result<Self, BadLine> {
        let parts: Vec<_> = text.split('$').collect();
        match parts.as_slice() {
            ["", "argon2id", "v=19", costs, salt, tag] => {
                Argon2id::parse(costs, salt, tag).map(Self::Argon2id)
            }
            ["", "argon2id", "v=19", ..] => Err(BadLine::Hash),
            ["", "argon2id", ..] => Err(BadLine::Version),
            ["", "2a" | "2b" | "2y", cost, salt_and_digest] => {
                Bcrypt::parse(cost, salt_and_digest).map(Self::Bcrypt)
            }
            ["", "2a" | "2b" | "2y", ..] => Err(BadLine::Hash),
            _ => Err(BadLine::Scheme),
        }
    }
}

impl Argon2id {
    /// A PHC string has one spelling: no parameter is left out or stands elsewhere, no number has a leading zero,
    /// and base64 has neither padding nor spare bits.
    fn parse(costs: &str, salt: &str, tag: &str) -> Result<Self, BadLine> {
        let [memory_kib, passes, lanes] = parse_costs(costs).ok_or(BadLine::Hash)?;
        if passes == 0 || lanes == 0 || u64::from(memory_kib) < 8 * u64::from(lanes) {
            return Err(BadLine::Hash);
        }
        let work_kib = u64::from(memory_kib) * u64::from(passes);
        if memory_kib > MOST_MEMORY_KIB || work_kib > MOST_WORK_KIB || lanes > MOST_LANES {
            return Err(BadLine::Costly);
        }
        let bytes = |text: &str, sizes: RangeInclusive<usize>| {
            let bytes = STANDARD_NO_PAD.decode(text).ok();
            let bytes = bytes.filter(|bytes| sizes.contains(&bytes.len()));
            bytes.map(Vec::into_boxed_slice).ok_or(BadLine::Hash)
        };
        Ok(Self {
            memory_kib,
            passes,
            lanes,
            salt: bytes(salt, 8..=48)?,
            tag: bytes(tag, 16..=64)?,
        })
    }
}

/// `m=65536,t=3,p=4`, in this order.
fn parse_costs(text: &str) -> Option<[u32; 3]> {
    let (memory, rest) = text.strip_prefix("m=")?.split_once(",t=")?;
    let (passes, lanes) = rest.split_once(",p=")?;
    Some([number(memory)?, number(passes)?, number(lanes)?])
}

/// Digits without a sign or a leading zero.
fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text.len() == 1 || !text.starts_with('0');
    (is_plain && is_short).then(|| text.parse().ok()).flatten()
}

impl Bcrypt {
    /// 22 signs of salt and 31 of digest, with nothing between them.
    fn parse(cost: &str, salt_and_digest: &str) -> Result<Self, BadLine> {
        let is_plain = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse().ok().filter(|_| is_plain);
        let cost = cost
            .filter(|cost| *cost >= LEAST_COST)
            .ok_or(BadLine::Hash)?;
        if cost > MOST_COST {
            return Err(BadLine::Costly);
        }
        let (salt, digest) = salt_and_digest.split_at_checked(22).ok_or(BadLine::Hash)?;
        let bytes = |text: &str| BCRYPT.decode(text).ok();
        let salt = bytes(salt).and_then(|salt| salt.try_into().ok());
        let digest = bytes(digest).and_then(|digest| digest.try_into().ok());
        match (salt, digest) {
            (Some(salt), Some(digest)) => Ok(Self { cost, salt, digest }),
            _ => Err(BadLine::Hash),
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id(hash) => hash.fmt(f),
            Self::Bcrypt(hash) => hash.fmt(f),
        }
    }
}

impl fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2id")
            .field("memory_kib", &self.memory_kib)
            .field("passes", &self.passes)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Bcrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bcrypt")
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of "password", from the tests of the reference implementation.
    const ARGON2ID: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    /// Of "U*U", from the tests of `crypt_blowfish`.
    const BCRYPT_2A: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    fn refused(text: &str) -> BadLine {
        match PasswordHash::parse(text) {
            Err(bad) => bad,
            Ok(hash) => panic!("{text}: {hash:?}"),
        }
    }

    #[test]
    fn an_argon2id_hash_is_read_whole() {
        let Ok(PasswordHash::Argon2id(hash)) = PasswordHash::parse(ARGON2ID) else {
            panic!("{ARGON2ID}");
        };
        assert_eq!((hash.memory_kib, hash.passes, hash.lanes), (65536, 2, 1));
        assert_eq!(&*hash.salt, b"somesalt");
        assert_eq!(hash.tag.len(), 32);
        assert_eq!(hash.tag.first_chunk(), Some(&[0x09, 0x31, 0x61, 0x15]));
    }

    #[test]
    fn a_bcrypt_hash_is_read_whole() {
        for version in ["2a", "2b", "2y"] {
            let text = format!("${version}$12${}{}", "E".repeat(22), "/".repeat(31));
            let Ok(PasswordHash::Bcrypt(hash)) = PasswordHash::parse(&text) else {
                panic!("{text}");
            };
            assert_eq!(hash.cost, 12);
            // E is the seventh sign of the alphabet: 000110 again and again.
            assert_eq!(
                hash.salt.first_chunk(),
                Some(&[0b0001_1000, 0b0110_0001, 0b1000_0110])
            );
            assert_eq!(
                hash.digest.first_chunk(),
                Some(&[0b0000_0100, 0b0001_0000, 0b0100_0001])
            );
        }
    }

    #[test]
    fn a_hash_that_breaks_its_format_is_refused() {
        for (from, to) in [
            ("m=65536,", ""),
            ("m=65536,t=2", "t=2,m=65536"),
            ("m=65536", "m=065536"),
            ("m=65536", "m=+65536"),
            ("m=65536", "m="),
            ("m=65536", "m=99999999999"),
            ("m=65536", "m=7"),
            ("t=2", "t=0"),
            ("p=1", "p=0"),
            ("p=1", "p=1,keyid=AA"),
            ("p=1", "p=1,"),
            ("c29tZXNhbHQ", "c29tZXNhbA"),
            ("c29tZXNhbHQ", "c29tZXNhbHR"),
            ("c29tZXNhbHQ", "c29tZXNhbHQ="),
            ("c29tZXNhbHQ", ""),
            (
                "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                "CTFhFdXPJO1aFaMaO6Mm",
            ),
            ("PPc", "PPc$"),
            ("PPc", "PPc:x"),
            ("PPc", "Ob_"),
        ] {
            let text = ARGON2ID.replacen(from, to, 1);
            assert_eq!(refused(&text), BadLine::Hash, "{text}");
        }
        for (from, to) in [
            ("$05$", "$5$"),
            ("$05$", "$03$"),
            ("$05$", "$+5$"),
            ("$05$", "$005$"),
            ("$05$", "$"),
            ("CCC", "CC"),
            ("CCC", "CCCC"),
            ("CCC", "CC="),
            ("CCC", "CC+"),
            ("CC.E", "CC\u{e9}"),
            ("OeW", "Oe$"),
            ("OeW", "OeW$"),
        ] {
            let text = BCRYPT_2A.replacen(from, to, 1);
            assert_eq!(refused(&text), BadLine::Hash, "{text}");
        }
    }

    #[test]
    fn what_is_weaker_or_older_is_refused() {
        for text in [
            "secret",
            "",
            "$",
            "$apr1$salt$hash",
            "$1$salt$hash",
            "$5$salt$hash",
            "$6$salt$hash",
            "$y$j9T$salt$hash",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "x$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ] {
            assert_eq!(refused(text), BadLine::Scheme, "{text}");
        }
        for (from, to) in [
            ("v=19$", ""),
            ("v=19", "v=16"),
            ("v=19", "v=20"),
            ("v=19", "v=019"),
        ] {
            let text = ARGON2ID.replacen(from, to, 1);
            assert_eq!(refused(&text), BadLine::Version, "{text}");
        }
    }

    #[test]
    fn a_login_can_cost_neither_gigabytes_nor_minutes() {
        for (costs, fits) in [
            ("m=262144,t=4,p=1", true),
            ("m=262145,t=1,p=1", false),
            ("m=262144,t=5,p=1", false),
            ("m=8,t=131072,p=1", true),
            ("m=8,t=131073,p=1", false),
            ("m=128,t=1,p=16", true),
            ("m=136,t=1,p=17", false),
            ("m=4294967295,t=4294967295,p=1", false),
        ] {
            let text = ARGON2ID.replacen("m=65536,t=2,p=1", costs, 1);
            assert_eq!(PasswordHash::parse(&text).is_ok(), fits, "{costs}");
            assert!(fits || refused(&text) == BadLine::Costly, "{costs}");
        }
        for (cost, fits) in [
            ("04", true),
            ("14", true),
            ("15", false),
            ("31", false),
            ("99", false),
        ] {
            let text = BCRYPT_2A.replacen("05", cost, 1);
            assert_eq!(PasswordHash::parse(&text).is_ok(), fits, "{cost}");
            assert!(fits || refused(&text) == BadLine::Costly, "{cost}");
        }
    }

    #[test]
    fn debug_shows_what_a_hash_costs_and_not_what_it_is() {
        let shown = |text| format!("{:?}", PasswordHash::parse(text).unwrap());
        assert_eq!(
            shown(ARGON2ID),
            "Argon2id { memory_kib: 65536, passes: 2, lanes: 1, .. }"
        );
        assert_eq!(shown(BCRYPT_2A), "Bcrypt { cost: 5, .. }");
    }

    proptest! {
        #[test]
        fn what_is_written_by_the_format_is_read_as_it_was(
            lanes in 1..=MOST_LANES,
            blocks in 8..100_u32,
            passes in 1..100_u32,
            salt in prop::collection::vec(any::<u8>(), 8..=48),
            tag in prop::collection::vec(any::<u8>(), 16..=64),
        ) {
            let memory = blocks * lanes;
            let text = format!(
                "$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}",
                STANDARD_NO_PAD.encode(&salt),
                STANDARD_NO_PAD.encode(&tag)
            );
            let Ok(PasswordHash::Argon2id(hash)) = PasswordHash::parse(&text) else {
                panic!("{text}");
            };
            prop_assert_eq!((hash.memory_kib, hash.passes, hash.lanes), (memory, passes, lanes));
            prop_assert_eq!((&*hash.salt, &*hash.tag), (&*salt, &*tag));
        }

        #[test]
        fn bcrypts_are_read_as_they_were_written(
            cost in LEAST_COST..=MOST_COST,
            salt: [u8; 16],
            digest in prop::collection::vec(any::<u8>(), 23),
        ) {
            let text = format!("$2b${cost:02}${}{}", BCRYPT.encode(salt), BCRYPT.encode(&digest));
            let Ok(PasswordHash::Bcrypt(hash)) = PasswordHash::parse(&text) else {
                panic!("{text}");
            };
            prop_assert_eq!((hash.cost, hash.salt), (cost, salt));
            prop_assert_eq!(&hash.digest[..], &digest);
        }

        #[test]
        fn any_text_is_a_hash_or_refused_without_a_panic(
            text in "(\\$(argon2id|2y)\\$(v=19\\$m=[0-9]{1,3},t=1,p=1|05)\\$)?[$./A-Za-z0-9+=,é]{0,80}",
        ) {
            let _ = PasswordHash::parse(&text);
        }
    }
}
