//! A terminal that shows one text after another in the same place, and gets its own text back at the end.

use std::io::{IsTerminal, Write, stdout};

/// To a screen of our own, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Standard output; leaves it as it was when dropped.
pub(super) struct Screen {
    /// Else texts follow each other.
    is_terminal: bool,
}

impl Screen {
    pub(super) fn open() -> Self {
        let screen = Self {
            is_terminal: stdout().is_terminal(),
        };
        if screen.is_terminal {
            write(ENTER);
        }
        screen
    }

    pub(super) fn show(&self, text: &str) {
        if self.is_terminal {
            write(&frame(text, height()));
        } else {
            write(&format!("{text}\n\n"));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_terminal {
            write(LEAVE);
        }
    }
}

/// Written over what is there, line by line, so that nothing flickers. What has no room below is left out.
fn frame(text: &str, height: usize) -> String {
    let count = text.lines().count();
    let fits = count <= height;
    let shown = if fits {
        count
    } else {
        height.saturating_sub(1)
    };
    let mut lines: Vec<_> = text.lines().take(shown).map(str::to_owned).collect();
    if !fits {
        lines.push(format!("… {} more lines", count - shown));
    }
    format!("\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n"))
}

/// Lines of the terminal.
fn height() -> usize {
    let size = rustix::termios::tcgetwinsize(stdout());
    let rows = size.map_or(0, |size| size.ws_row);
    if rows == 0 { 24 } else { rows.into() }
}

/// A terminal that went away is noticed by the signal it sends.
fn write(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fills_the_terminal_and_no_more() {
        assert_eq!(frame("a\nb", 2), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
        assert_eq!(
            frame("a\nb\nc\nd", 3),
            "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n… 2 more lines\x1b[K\x1b[J"
        );
    }
}
