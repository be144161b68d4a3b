//! The foreign programs that `tests/fetch` fetches.

use std::path::{Path, PathBuf};

/// The path of one of their files. Without it the test fails and says what to do: nothing is skipped.
pub(crate) fn tool(path: &str) -> PathBuf {
    let file = folder().join(path);
    assert!(file.exists(), "{} is missing: {ADVICE}", file.display());
    file
}

/// The library that fakes the clock, whose folder is named after the machine's architecture.
pub(super) fn faketime() -> PathBuf {
    std::fs::read_dir(folder().join("faketime/usr/lib"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|library| library.exists())
        .unwrap_or_else(|| panic!("libfaketime is missing: {ADVICE}"))
}

const ADVICE: &str = "run tests/fetch once, and then the tests again";

fn folder() -> PathBuf {
    // Cargo names a folder for tests inside the target directory; ours stands beside it.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("tests")
}
