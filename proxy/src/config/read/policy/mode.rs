//! Whether a policy refuses, or only tells that it would.

use crate::config::{
    decode::Fields,
    model::Mode,
    table::{Key, Kind},
};

const WORDS: [&str; 2] = ["enforce", "observe"];

pub(super) const KEY: Key = Key::new(
    "mode",
    Kind::Choice(&WORDS),
    "enforce, or observe: let pass what it would refuse, and tell of it in the log and the metrics; default enforce",
);

pub(super) fn read(fields: &Fields<'_>) -> Mode {
    match fields.choice("mode") {
        Some(word) if word.value == "observe" => Mode::Observe,
        _ => Mode::Enforce,
    }
}
