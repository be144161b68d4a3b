//! Messages for the journal of systemd: it knows the time itself, and takes the priority from the start of each line (sd-daemon(3)).

use std::{
    ffi::OsStr,
    io::{self, Write},
    os::fd::AsFd,
};

use rustix::fs::fstat;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Names the device and the inode of the stream that leads to the journal (systemd.exec(5)).
pub(super) const VARIABLE: &str = "JOURNAL_STREAM";

/// Whether what is written here goes to the journal. The variable alone does not tell: it is inherited by whoever is started with
/// a standard error of its own.
pub(super) fn is_behind(stream: impl AsFd, variable: Option<&OsStr>) -> bool {
    let (Some(named), Ok(stat)) = (variable, fstat(stream)) else {
        return false;
    };
    named.to_str() == Some(&format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Standard error, where the journal is behind it.
pub(super) struct Journal;

/// One message, which is written whole.
pub(super) struct Message {
    priority: char,
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Message;

    fn make_writer(&'a self) -> Message {
        Message {
            priority: priority(Level::INFO),
        }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Message {
        Message {
            priority: priority(*of.level()),
        }
    }
}

impl Write for Message {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // In one piece, so that no other thread's message comes between.
        io::stderr().write_all(&prefixed(self.priority, text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As in syslog.
const fn priority(level: Level) -> char {
    match level {
        Level::ERROR => '3',
        Level::WARN => '4',
        Level::INFO => '6',
        Level::DEBUG | Level::TRACE => '7',
    }
}

/// The journal takes each line for a message of its own.
fn prefixed(priority: char, text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        lines.extend_from_slice(&[b'<', priority as u8, b'>']);
        lines.extend_from_slice(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn each_line_has_the_priority() {
        for (text, expected) in [
            ("one\n", "<4>one\n"),
            ("one\n\n  two\n", "<4>one\n<4>\n<4>  two\n"),
            ("no end", "<4>no end"),
            ("", ""),
        ] {
            assert_eq!(prefixed('4', text.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn the_journal_is_there_if_device_and_inode_say_so() {
        let file = tempfile::tempfile().unwrap();
        let about = file.metadata().unwrap();
        let (device, inode) = (about.dev(), about.ino());
        for (variable, expected) in [
            (Some(format!("{device}:{inode}")), true),
            (Some(format!("{device}:{}", inode + 1)), false),
            (Some(format!("{}:{inode}", device + 1)), false),
            (Some(format!("{inode}:{device}0")), false),
            (Some(device.to_string()), false),
            (Some(String::new()), false),
            (None, false),
        ] {
            let found = is_behind(&file, variable.as_deref().map(OsStr::new));
            assert_eq!(found, expected, "{variable:?}");
        }
    }
}
