//! Floods of HTTP/2, each with its label.

use std::fmt;

/// Why a connection of HTTP/2 ends before its client wants it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Requests that are taken back as soon as they are made (CVE-2023-44487).
    RapidReset,
    /// Mistakes that make us take back what we have begun (CVE-2025-8671, CVE-2019-9514).
    MadeYouReset,
    /// A header block that is too large, or is cut to pieces (VU#421644, RUSTSEC-2024-0332).
    Continuation,
    /// A header block, or another frame, that does not come to its end.
    HeaderBlockTimeout,
    /// CVE-2019-9512.
    Ping,
    /// Many of them, or one with many entries (CVE-2019-9515, CVE-2020-11080).
    Settings,
    /// CVE-2019-9513.
    Priority,
    /// The window opens by too little at a time (CVE-2019-9511, CVE-2019-9517).
    WindowDribble,
    /// DATA that brings nothing (CVE-2019-9518).
    EmptyFrames,
    /// What nobody knows costs a look all the same.
    UnknownFrames,
}

impl Flood {
    pub const ALL: [Self; 10] = [
        Self::RapidReset,
        Self::MadeYouReset,
        Self::Continuation,
        Self::HeaderBlockTimeout,
        Self::Ping,
        Self::Settings,
        Self::Priority,
        Self::WindowDribble,
        Self::EmptyFrames,
        Self::UnknownFrames,
    ];

    /// The name in metrics, in the log, and in the GOAWAY.
    pub const fn label(self) -> &'static str {
        match self {
            Self::RapidReset => "rapid_reset",
            Self::MadeYouReset => "made_you_reset",
            Self::Continuation => "continuation_flood",
            Self::HeaderBlockTimeout => "header_block_timeout",
            Self::Ping => "ping_flood",
            Self::Settings => "settings_flood",
            Self::Priority => "priority_flood",
            Self::WindowDribble => "window_dribble",
            Self::EmptyFrames => "empty_frames",
            Self::UnknownFrames => "unknown_frames",
        }
    }

    /// `ENHANCE_YOUR_CALM` (RFC 9113 section 7), whichever it is.
    pub const fn code(self) -> u32 {
        0xb
    }
}

impl std::error::Error for Flood {}

/// One sentence for the log.
impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RapidReset => "the client takes its requests back too often",
            Self::MadeYouReset => "the client makes us reset too many streams",
            Self::Continuation => "a header block is too large or cut to pieces",
            Self::HeaderBlockTimeout => "a header block or control frame did not end in time",
            Self::Ping => "there are too many pings",
            Self::Settings => "there are too many settings",
            Self::Priority => "the client changes priorities too often",
            Self::WindowDribble => "the client opens its window too often, by too little",
            Self::EmptyFrames => "there are too many frames without content",
            Self::UnknownFrames => "there are too many frames of unknown kinds",
        })
    }
}
