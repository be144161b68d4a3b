//! Which responses are compressed, and how hard.

use std::fmt;

use crate::{config::units::ByteSize, policy::Coding};

/// Which responses are compressed, and how hard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compress {
    /// In our order: among codings that a client likes as well, the first. Default [`Coding::PREFERENCE`].
    pub encodings: Box<[Coding]>,
    /// What is shorter passes as it is. Default 1 KiB.
    pub min_size: ByteSize,
    /// Of known length up to this it is compressed in one go, and keeps a `Content-Length`. Default 256 KiB.
    pub whole_up_to: ByteSize,
    pub levels: Levels,
    pub types: Box<[MediaRange]>,
    /// Whether responses that set cookies are compressed too (see BREACH in SECURITY.md). Default false.
    pub cookies: bool,
    /// Beyond so many responses being compressed as streams at a time, others pass as they are. Default 256.
    pub streams: usize,
    /// Whether levels go down, and compression ends, as the processors come to their limit. Default true.
    pub cpu_guard: bool,
}

/// How hard each coding tries, in its own numbers: more is smaller and slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// 0 to 11, default 4.
    pub br: u8,
    /// 1 to 19, default 3.
    pub zstd: u8,
    /// 1 to 9, default 5.
    pub gzip: u8,
}

/// Media types that are written as one; in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaRange {
    /// This one alone: `application/json`.
    Type(Box<str>),
    /// Every one that begins so: `text/`, which was written `text/*`.
    Below(Box<str>),
    /// Every one that ends so: `+json` (RFC 6838 section 4.2.8).
    Suffix(Box<str>),
}

impl Levels {
    pub const fn of(&self, coding: Coding) -> u8 {
        match coding {
            Coding::Brotli => self.br,
            Coding::Zstd => self.zstd,
            Coding::Gzip => self.gzip,
        }
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            br: 4,
            zstd: 3,
            gzip: 5,
        }
    }
}

impl MediaRange {
    /// Text, and what is not compressed by its own format.
    pub const DEFAULT: [&'static str; 24] = [
        "text/*",
        "+json",
        "+xml",
        "+yaml",
        "application/json",
        "application/x-ndjson",
        "application/xml",
        "application/yaml",
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "application/wasm",
        "application/rtf",
        "application/x-tar",
        "application/vnd.apple.mpegurl",
        "application/vnd.ms-fontobject",
        "application/x-font-ttf",
        "application/x-font-otf",
        "font/ttf",
        "font/otf",
        "font/collection",
        "image/bmp",
        "image/x-icon",
        "image/vnd.microsoft.icon",
    ];

    /// Reads `text/html`, `text/*` or `+json`, in any case. Nothing for anything else, parameters among them.
    pub fn parse(written: &str) -> Option<Self> {
        let written = written.to_ascii_lowercase();
        if let Some(suffix) = written.strip_prefix('+') {
            return is_name(suffix).then(|| Self::Suffix(written.as_str().into()));
        }
        let (kind, subtype) = written.split_once('/')?;
        if !is_name(kind) {
            return None;
        }
        if subtype == "*" {
            return Some(Self::Below(format!("{kind}/").into()));
        }
        is_name(subtype).then(|| Self::Type(written.into()))
    }
}

/// As it is written in a configuration.
impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(kind) => write!(f, "{kind}*"),
            Self::Type(text) | Self::Suffix(text) => f.write_str(text),
        }
    }
}

/// A name of RFC 6838 section 4.2, whose letters are small.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

impl Default for Compress {
    fn default() -> Self {
        Self {
            encodings: Coding::PREFERENCE.into(),
            min_size: ByteSize::kib(1),
            whole_up_to: ByteSize::kib(256),
            levels: Levels::default(),
            types: MediaRange::DEFAULT
                .into_iter()
                .filter_map(MediaRange::parse)
                .collect(),
            cookies: false,
            streams: 256,
            cpu_guard: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_type_all_below_or_all_with_a_suffix() {
        let range = |written| MediaRange::parse(written);
        assert_eq!(
            range("Application/JSON"),
            Some(MediaRange::Type("application/json".into()))
        );
        assert_eq!(range("TEXT/*"), Some(MediaRange::Below("text/".into())));
        assert_eq!(range("+Json"), Some(MediaRange::Suffix("+json".into())));
        for written in [
            "",
            "*",
            "*/*",
            "text",
            "text/",
            "/html",
            "+",
            "a/b/c",
            "text/*l",
            "*+json",
            "*/json",
            "text/html; charset=utf-8",
            "text/html ",
            "text /html",
            "t\u{e9}xt/a",
        ] {
            assert_eq!(range(written), None, "{written:?}");
        }
    }

    #[test]
    fn every_default_is_one() {
        assert_eq!(Compress::default().types.len(), MediaRange::DEFAULT.len());
    }
}
