//! Certificates in files that an operator, or a program such as certbot, puts in place.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{Flaw, Part, Shown, pem};
use crate::config::problem::{Located, Problem};

/// Bytes. No chain and no key is longer; a file that is was named by mistake.
pub const LONGEST: u64 = 1 << 20;

/// As [`LONGEST`], for what is long by nature: bundles of CAs, and revocation lists.
pub const LONGEST_LIST: u64 = 16 << 20;

/// Reads a chain and its key from PEM files, and checks that they belong together.
pub fn read(chain: &Located<PathBuf>, key: &Located<PathBuf>) -> Result<Shown, Box<Problem>> {
    let chain_text =
        content(&chain.value, LONGEST).map_err(|error| unreadable(chain, "chain", &error))?;
    let key_text = content(&key.value, LONGEST).map_err(|error| unreadable(key, "key", &error))?;
    pem::parse(&chain_text, &key_text).map_err(|flaw| problem(chain, key, &flaw))
}

/// What is in a file that an operator names. One that is not a regular file, or longer than `longest` bytes, is
/// an error at once.
pub fn content(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    // Whoever opens a pipe waits for who writes to it.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(longest + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > longest) {
        let mebibytes = longest >> 20;
        let error = format!("it is longer than {mebibytes} MiB");
        return Err(io::Error::other(error));
    }
    Ok(text)
}

fn unreadable(file: &Located<PathBuf>, what: &str, error: &io::Error) -> Box<Problem> {
    let shown = file.value.display();
    Box::new(
        Problem::error(format!("cannot read the {what} {shown}: {error}"))
            .at_value(file)
            .hint("paths are relative to the configuration file; the user that runs simplon must be able to read it"),
    )
}

fn problem(chain: &Located<PathBuf>, key: &Located<PathBuf>, flaw: &Flaw) -> Box<Problem> {
    let says = &flaw.says;
    let (message, at) = match flaw.part {
        Part::Chain => (format!("{} {says}", chain.value.display()), chain),
        Part::Key => (format!("{} {says}", key.value.display()), key),
        Part::Both => {
            let (chain, file) = (chain.value.display(), key.value.display());
            (format!("{file} and {chain} {says}"), key)
        }
    };
    Box::new(Problem::error(message).at_value(at).hint(flaw.hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_reasonable_length_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let pipe = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), pipe).unwrap();
        std::fs::write(path("longest"), vec![b'x'; 1 << 20]).unwrap();
        std::fs::write(path("long"), vec![b'x'; (1 << 20) + 1]).unwrap();
        let says = |name: &str| match content(&path(name), 1 << 20) {
            Ok(text) => format!("{} bytes", text.len()),
            Err(error) => error.to_string(),
        };
        assert_eq!(says("longest"), "1048576 bytes");
        assert_eq!(says("long"), "it is longer than 1 MiB");
        assert_eq!(says("pipe"), "it is not a regular file");
        assert_eq!(says("."), "it is not a regular file");
        assert!(says("missing").contains("No such file"));
    }
}
