//! Files of users: whatever is read is within bounds and can be written again as it was; nothing secret is shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::policy::{BadUser, PasswordHash, Users};

/// With which some editors begin a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

fuzz_target!(|file: &[u8]| {
    if file.starts_with(MARK) {
        return; // it is put before every other
    }
    let marked = [MARK, file].concat();
    let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    let meant =
        |line: &&[u8]| !line.trim_ascii().is_empty() && !line.trim_ascii().starts_with(b"#");
    let windows: Vec<u8> = lines.join(&b"\r\n"[..]);
    match Users::parse(file) {
        Ok(users) => {
            let lines: Vec<&[u8]> = lines.into_iter().filter(meant).collect();
            assert_eq!(users.len(), lines.len());
            assert_eq!(users.is_empty(), lines.is_empty());
            for line in lines {
                assert_read(&users, str::from_utf8(line.trim_ascii()).expect("text"));
            }
            assert_eq!(
                Users::parse(&windows).map(|users| users.len()),
                Ok(users.len())
            );
            assert_eq!(
                Users::parse(&marked).map(|users| users.len()),
                Ok(users.len())
            );
        }
        Err(wrong) => {
            assert!(!wrong.is_empty());
            assert!(wrong.is_sorted_by(|a, b| a.line < b.line), "{wrong:?}");
            for BadUser { line, what } in &wrong {
                assert!(meant(&lines[line - 1]), "{line}: {what:?}");
                assert!(!what.reason().is_empty() && !what.hint().is_empty());
            }
            assert_eq!(Users::parse(&windows).map(|_| ()), Err(wrong.clone()));
            assert_eq!(Users::parse(&marked).map(|_| ()), Err(wrong));
        }
    }
});

fn assert_read(users: &Users, line: &str) {
    let (name, text) = line.split_once(':').expect("a colon");
    let hash = users.hash_of(name).expect("a user");
    let shown = format!("{users:?}{hash:?}");
    match &**hash {
        PasswordHash::Argon2id(hash) => {
            let work = u64::from(hash.memory_kib) * u64::from(hash.passes);
            assert!(hash.memory_kib <= 256 << 10 && (1..=1 << 20).contains(&work));
            assert!((1..=16).contains(&hash.lanes) && hash.memory_kib >= 8 * hash.lanes);
            let written = format!(
                "$argon2id$v=19$m={},t={},p={}${}${}",
                hash.memory_kib,
                hash.passes,
                hash.lanes,
                base64(&hash.salt, STANDARD),
                base64(&hash.tag, STANDARD)
            );
            assert_eq!(written, text);
        }
        PasswordHash::Bcrypt(hash) => {
            assert!((4..=14).contains(&hash.cost));
            let (salt, digest) = (base64(&hash.salt, BCRYPT), base64(&hash.digest, BCRYPT));
            // The last signs of both have bits to spare, which may be anything.
            let start = format!("{:02}${}", hash.cost, &salt[..21]);
            assert_eq!(text.get(4..28), Some(&*start));
            assert_eq!(text.get(29..59), Some(&digest[..30]));
            assert_eq!(text.len(), 60);
        }
    }
    let secret = text.rsplit('$').next().unwrap_or(text);
    assert!(!shown.contains(secret) || name.contains(secret), "{shown}");
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Six bits after six bits, without padding.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let bit = |at: usize| {
        bytes
            .get(at / 8)
            .is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    };
    let signs = (bytes.len() * 8).div_ceil(6);
    let sign =
        |sign: usize| (0..6).fold(0, |value, at| value << 1 | usize::from(bit(sign * 6 + at)));
    (0..signs)
        .map(|at| char::from(alphabet[sign(at)]))
        .collect()
}
