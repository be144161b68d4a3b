//! An event in words: its message, then its fields as `name=value`.

use std::fmt::{self, Debug, Write};

use tracing::{
    Event,
    field::{Field, Visit},
};

/// Characters that are kept of one.
const LONGEST: usize = 500;

pub(super) fn of(event: &Event<'_>) -> String {
    let mut words = Words::default();
    event.record(&mut words);
    let Words { message, fields } = words;
    let mut whole = message;
    // What does not fit is left out, which is no error.
    let _ = match (whole.text.is_empty(), fields.text.is_empty()) {
        (_, true) => Ok(()),
        (true, false) => whole.write_str(&fields.text),
        (false, false) => write!(whole, ": {}", fields.text),
    };
    whole.text
}

#[derive(Default)]
struct Words {
    message: Short,
    fields: Short,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, format_args!("{value:?}"));
    }
}

impl Words {
    fn take(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            name => {
                let space = if self.fields.text.is_empty() { "" } else { " " };
                write!(self.fields, "{space}{name}={value}")
            }
        };
    }
}

/// Text that takes no more than it has room for, and no character that a terminal or a page could stumble over.
struct Short {
    text: String,
    left: usize,
}

impl Default for Short {
    fn default() -> Self {
        Self {
            text: String::new(),
            left: LONGEST,
        }
    }
}

impl Write for Short {
    /// Ends the writing once there is no room.
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for character in more.chars() {
            let harmless = !character.is_control() || character == '\n';
            if self.left == 0 {
                return Err(fmt::Error);
            }
            self.left -= 1;
            self.text
                .push(if harmless { character } else { '\u{FFFD}' });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_an_end_and_no_control_characters() {
        let mut short = Short::default();
        assert!(short.write_str("a\u{1b}[31m\nb\u{9b}").is_ok());
        assert_eq!(short.text, "a\u{FFFD}[31m\nb\u{FFFD}");
        let long = "é".repeat(LONGEST);
        assert!(short.write_str(&long).is_err());
        assert_eq!(short.text.chars().count(), LONGEST);
    }
}
