//! A named pipe into which nobody writes: whoever opens it waits for ever.

use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};

pub(crate) fn make_pipe(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}
