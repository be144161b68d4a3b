//! Who may log in: a file of `name:hash` lines, such as `htpasswd -B` writes.
//!
//! Everything that is wrong is told by its line, and nothing of a line is ever shown: what stands there by mistake may
//! be a password.

use std::{collections::HashMap, sync::Arc};

pub use check::TooLittleMemory;
pub use hash::{Argon2id, Bcrypt, PasswordHash};

mod check;
mod hash;

/// Names and the hashes of their passwords. `Debug` shows no hash.
#[derive(Clone, Debug, Default)]
pub struct Users(HashMap<Box<str>, Arc<PasswordHash>>);

/// Something wrong with a line; the first line is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUser {
    pub line: usize,
    pub what: BadLine,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// The file goes on beyond 10,000 lines; no line from here on was read.
    TooMany,
    TooLong,
    NotText,
    NoColon,
    /// No name, one of more than 255 bytes, with a control character, or with white space at its end.
    Name,
    Repeated,
    /// Neither Argon2id nor bcrypt.
    Scheme,
    /// Argon2id, but not version 1.3.
    Version,
    /// The hash breaks its own format.
    Hash,
    /// One login would take more than about a second, or more than 256 MiB.
    Costly,
}

/// With which some editors begin a file of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Lines of a file at most, comments and empty ones among them.
const MOST_LINES: usize = 10_000;
/// Bytes of a line at most. The longest hash that is read has about 200.
const LONGEST_LINE: usize = 1024;
/// Bytes of a name at most, as in Apache's htpasswd.
const LONGEST_NAME: usize = 255;

impl Users {
    /// Reads a whole file. Empty lines are skipped, and comments, which begin with `#`.
    ///
    /// A name is whatever Basic authentication can carry (RFC 7617 section 2): text without a colon and without
    /// control characters. White space round a line is dropped.
    ///
    /// # Errors
    /// Everything that is wrong, from the first line to the last.
    pub fn parse(file: &[u8]) -> Result<Self, Vec<BadUser>> {
        let mut users = HashMap::new();
        let mut wrong = Vec::new();
        let file = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
        for (line, text) in (1..).zip(file.split(|byte| *byte == b'\n')) {
            let text = text.trim_ascii();
            if line > MOST_LINES && !text.is_empty() {
                wrong.push(BadUser {
                    line,
                    what: BadLine::TooMany,
                });
                break;
            }
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            let repeated = match parse_line(text) {
                Ok((name, hash)) => users
                    .insert(name.into(), Arc::new(hash))
                    .map(|_| BadLine::Repeated),
                Err(what) => Some(what),
            };
            wrong.extend(repeated.map(|what| BadUser { line, what }));
        }
        if wrong.is_empty() {
            Ok(Self(users))
        } else {
            Err(wrong)
        }
    }

    pub fn hash_of(&self, name: &str) -> Option<&Arc<PasswordHash>> {
        self.0.get(name)
    }

    /// Every hash, in the order of the names.
    pub(super) fn hashes(&self) -> Box<[Arc<PasswordHash>]> {
        let mut users: Vec<_> = self.0.iter().collect();
        users.sort_unstable_by_key(|(name, _)| *name);
        users
            .into_iter()
            .map(|(_, hash)| Arc::clone(hash))
            .collect()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody may log in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse_line(line: &[u8]) -> Result<(&str, PasswordHash), BadLine> {
    if line.len() > LONGEST_LINE {
        return Err(BadLine::TooLong);
    }
    let Ok(line) = str::from_utf8(line) else {
        return Err(BadLine::NotText);
    };
    let (name, hash) = line.split_once(':').ok_or(BadLine::NoColon)?;
    let is_sound = (1..=LONGEST_NAME).contains(&name.len())
        && name.trim() == name
        && !name.contains(char::is_control);
    if !is_sound {
        return Err(BadLine::Name);
    }
    Ok((name, PasswordHash::parse(hash)?))
}

impl BadLine {
    /// What is wrong, in a few words that hold nothing of the line.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooMany => "the file has more than 10000 lines",
            Self::TooLong => "this line is longer than 1024 bytes",
            Self::NotText => "this line is not UTF-8 text",
            Self::NoColon => "this line has no colon between a name and a hash",
            Self::Name => "the name is empty, too long, or holds what no name has",
            Self::Repeated => "this name stands further up already",
            Self::Scheme => "the hash is neither Argon2id nor bcrypt",
            Self::Version => "the hash is of an old version of Argon2id",
            Self::Hash => "the hash is damaged",
            Self::Costly => "the hash costs too much to check",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::TooMany => "this many users belong in a directory service; see `forward_auth`",
            Self::TooLong | Self::NoColon => "write NAME:HASH; comments begin with #",
            Self::NotText => "save the file in the UTF-8 encoding",
            Self::Name => "1 to 255 bytes, no control characters, no space before the colon",
            Self::Repeated => "remove one of the two lines",
            Self::Scheme => "make the line with `htpasswd -nB NAME`, which asks for the password",
            Self::Version => "make the hash anew; it has to begin with $argon2id$v=19$",
            Self::Hash => {
                "copy it anew, to its last sign; a shell replaces each $ between double quotes"
            }
            Self::Costly => {
                "Argon2id takes m=262144 at most, and m times t at most 1048576; bcrypt a cost of 14 at most"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    fn wrong(file: &[u8]) -> Vec<(usize, BadLine)> {
        let wrong = Users::parse(file).unwrap_err();
        wrong.iter().map(|bad| (bad.line, bad.what)).collect()
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        let file =
            format!("# who\n\nalice:{HASH}\r\n  \n  # bob\n bob b:{HASH} \n#\ncaf\u{e9}:{HASH}");
        let users = Users::parse(file.as_bytes()).unwrap();
        assert_eq!(users.len(), 3);
        for name in ["alice", "bob b", "caf\u{e9}"] {
            assert!(users.hash_of(name).is_some(), "{name}");
        }
        for name in ["", "bob", "Alice", "# bob", "alice:"] {
            assert!(users.hash_of(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_file_without_users_lets_nobody_in() {
        for file in ["", "\n\n", "# nobody"] {
            assert!(Users::parse(file.as_bytes()).unwrap().is_empty());
        }
    }

    #[test]
    fn every_line_that_is_wrong_is_told() {
        let long_name = "n".repeat(LONGEST_NAME + 1);
        let file = [
            "alice".to_owned(),
            format!("bob:{HASH}"),
            format!(":{HASH}"),
            format!("bob:{HASH}"),
            format!("carol :{HASH}"),
            format!("ca\trol:{HASH}"),
            format!("ca\u{85}rol:{HASH}"),
            format!("{long_name}:{HASH}"),
            "dave:secret".to_owned(),
            format!("erin: {HASH}"),
            format!("frank:{HASH}:comment"),
            "grace:$argon2id$m=65536,t=3,p=4$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".to_owned(),
            format!("heidi:{}", HASH.replace("05", "20")),
            "x".repeat(LONGEST_LINE + 1),
        ]
        .join("\n");
        let bytes = [file.as_bytes(), b"\nivan\xff:"].concat();
        let expected = [
            (1, BadLine::NoColon),
            (3, BadLine::Name),
            (4, BadLine::Repeated),
            (5, BadLine::Name),
            (6, BadLine::Name),
            (7, BadLine::Name),
            (8, BadLine::Name),
            (9, BadLine::Scheme),
            (10, BadLine::Scheme),
            (11, BadLine::Hash),
            (12, BadLine::Version),
            (13, BadLine::Costly),
            (14, BadLine::TooLong),
            (15, BadLine::NotText),
        ];
        assert_eq!(wrong(&bytes), expected);
    }

    #[test]
    fn a_file_has_an_end() {
        let lines = "\n".repeat(MOST_LINES - 1);
        let most = format!("{lines}alice:{HASH}\n");
        assert_eq!(Users::parse(most.as_bytes()).unwrap().len(), 1);
        let more = format!("{most}bob:{HASH}\n");
        assert_eq!(wrong(more.as_bytes()), [(MOST_LINES + 1, BadLine::TooMany)]);
        let nonsense = "x\n".repeat(MOST_LINES * 2);
        assert_eq!(wrong(nonsense.as_bytes()).len(), MOST_LINES + 1);
    }

    #[test]
    fn neither_a_hash_nor_a_line_that_is_wrong_is_ever_shown() {
        let secret = "/".repeat(53);
        let users = Users::parse(format!("alice:$2b$04${secret}").as_bytes()).unwrap();
        assert_eq!(
            format!("{users:?}"),
            "Users({\"alice\": Bcrypt { cost: 4, .. }})"
        );
        let wrong = Users::parse(b"secret\nalice:secret").unwrap_err();
        assert!(!format!("{wrong:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn names_are_found_as_they_were_written(
            names in prop::collection::hash_set("[ -9;-~\u{a1}-\u{17f}]{1,20}", 1..8),
        ) {
            let sound = |name: &&String| name.trim() == *name && !name.starts_with('#');
            let names: Vec<_> = names.iter().filter(sound).collect();
            let lines: Vec<_> = names.iter().map(|name| format!("{name}:{HASH}")).collect();
            let file = lines.join("\n");
            let users = Users::parse(file.as_bytes()).unwrap();
            prop_assert_eq!(users.len(), names.len());
            prop_assert!(names.iter().all(|name| users.hash_of(name).is_some()));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(vec!["a:", "\n", "\r\n", "#", ":", HASH, "$2y$", " "])
                        .prop_map(|piece| piece.as_bytes().to_vec()),
                    prop::collection::vec(any::<u8>(), 0..4),
                ],
                0..20,
            ),
        ) {
            let file = pieces.concat();
            let lines = file.split(|byte| *byte == b'\n').count();
            if let Err(wrong) = Users::parse(&file) {
                prop_assert!(!wrong.is_empty());
                prop_assert!(wrong.is_sorted_by(|a, b| a.line < b.line));
                prop_assert!(wrong.iter().all(|bad| (1..=lines).contains(&bad.line)));
            }
        }
    }
}
