//! Where the bytes of the access log go: a descriptor of ours, or a file that can be opened again.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::OpenOptionsExt,
    },
    path::PathBuf,
};

/// What the log's thread writes to.
pub(super) trait Sink: Send + 'static {
    /// One write(2): how many bytes were taken.
    fn write(&mut self, batch: &[u8]) -> io::Result<usize>;

    /// Opens the target again under its name, or leaves all as it was.
    fn reopen(&mut self) -> io::Result<()>;
}

/// Standard output or error, past the standard library's line buffer.
pub(super) struct Descriptor(File);

impl Descriptor {
    pub(super) fn stdout() -> io::Result<Self> {
        Self::of(io::stdout().as_fd())
    }

    pub(super) fn stderr() -> io::Result<Self> {
        Self::of(io::stderr().as_fd())
    }

    fn of(descriptor: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self(File::from(descriptor.try_clone_to_owned()?)))
    }
}

impl Sink for Descriptor {
    fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
        self.0.write(batch)
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is appended to, made with mode 0640: its lines name clients.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = append_to(&path)?;
        Ok(Self { path, file })
    }
}

impl Sink for LogFile {
    fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
        self.file.write(batch)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = append_to(&self.path)?;
        Ok(())
    }
}

fn append_to(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}
