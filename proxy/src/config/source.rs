//! Reads configuration files, within limits, and keeps their texts so that problems can be shown in them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use super::problem::{Problem, Problems, Span};

/// Bytes one file may have. Room for 50,000 routes and their comments, five times over.
pub const MAX_FILE: u64 = 16 << 20;

/// Bytes all files of one configuration may have together.
pub const MAX_TOTAL: u64 = 4 * MAX_FILE;

/// The files of one configuration, in the order in which they were read. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    path: Arc<Path>,
    text: Arc<str>,
    /// The byte at which each line begins.
    lines: Arc<[usize]>,
}

impl Sources {
    pub(super) fn add(&mut self, path: Arc<Path>, text: Arc<str>) {
        let lines = line_starts(&text);
        self.files.push(Source { path, text, lines });
    }

    /// Bytes read so far.
    pub(super) fn total(&self) -> u64 {
        self.files.iter().map(|file| file.text.len() as u64).sum()
    }

    /// The paths of all files, the main one first.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    /// The whole line a span is on, without its end.
    pub(super) fn line(&self, span: &Span) -> Option<&str> {
        let source = self.files.iter().find(|file| file.path == span.file)?;
        let number = usize::try_from(span.line).ok()?;
        let start = *source.lines.get(number.checked_sub(1)?)?;
        let end = source.lines.get(number).copied();
        let line = source.text.get(start..end.unwrap_or(source.text.len()))?;
        Some(line.trim_end_matches(['\n', '\r']))
    }

    /// Where a problem belongs in a report: by file, then from top to bottom. What has no place comes first.
    pub(super) fn order(&self, span: Option<&Span>) -> (usize, u32, u32) {
        span.map_or((0, 0, 0), |span| {
            let file = self.files.iter().position(|file| file.path == span.file);
            (file.unwrap_or(self.files.len()), span.line, span.column)
        })
    }
}

/// Line breaks as YAML 1.2 counts them (section 5.4): LF, CR LF, and CR alone.
fn line_starts(text: &str) -> Arc<[usize]> {
    let bytes = text.as_bytes();
    let breaks = bytes.iter().enumerate().filter(|&(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0)
        .chain(breaks.map(|(at, _)| at + 1))
        .collect()
}

/// Reads one file into `sources`. What hinders that becomes a problem at `named_at`, the place that names the file.
pub(super) fn read(
    path: &Path,
    named_at: Option<&Span>,
    sources: &mut Sources,
    problems: &Problems,
) -> Option<(Arc<Path>, Arc<str>)> {
    let refuse = |problem: Problem| {
        problems.push(Problem {
            span: named_at.cloned(),
            ..problem
        });
    };
    let shown = path.display();
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(cannot_read(path, &error));
            return None;
        }
    };
    let length = bytes.len() as u64;
    if length > MAX_FILE {
        refuse(
            Problem::error(format!("{shown} is larger than 16 MiB"))
                .hint("is this the right file? A large configuration can be split with `include`"),
        );
        return None;
    }
    if sources.total() + length > MAX_TOTAL {
        refuse(Problem::error(format!(
            "with {shown} the configuration is larger than 64 MiB"
        )));
        return None;
    }
    let file: Arc<Path> = path.into();
    match String::from_utf8(bytes) {
        Ok(text) => {
            // The mark that some editors put in front counts as no column.
            let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(&text).into();
            sources.add(Arc::clone(&file), Arc::clone(&text));
            Some((file, text))
        }
        Err(error) => {
            let at = not_text_at(&file, error.as_bytes(), error.utf8_error().valid_up_to());
            sources.add(file, String::from_utf8_lossy(error.as_bytes()).into());
            problems.push(
                Problem::error("this is not UTF-8 text")
                    .at(&at)
                    .hint("save the file in the UTF-8 encoding"),
            );
            None
        }
    }
}

/// At most one byte more than a file may have.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Problem::error(format!("there is no file {shown}")),
        io::ErrorKind::IsADirectory => {
            let inside = path.join("simplon.yaml");
            let problem = Problem::error(format!("{shown} is a directory"));
            if inside.is_file() {
                problem.hint(format!("did you mean {}?", inside.display()))
            } else {
                problem.hint("name the file in it")
            }
        }
        io::ErrorKind::PermissionDenied => {
            Problem::error(format!("{shown} may not be read by this user"))
                .hint("grant the user that runs simplon the right to read it")
        }
        _ => Problem::error(format!("{shown} cannot be read: {error}")),
    }
}

fn not_text_at(file: &Arc<Path>, bytes: &[u8], valid: usize) -> Span {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let lines = line_starts(&before);
    let line_start = lines.last().copied().unwrap_or(0);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Span {
        file: Arc::clone(file),
        line: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        width: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_break_ends_a_line() {
        let path: Arc<Path> = Path::new("a").into();
        let mut sources = Sources::default();
        sources.add(Arc::clone(&path), "one\r\ntwo\rthree\n\nfive".into());
        let line = |line| {
            sources.line(&Span {
                file: Arc::clone(&path),
                line,
                column: 1,
                width: 1,
            })
        };
        let expected = ["one", "two", "three", "", "five"];
        for (number, text) in (1..).zip(expected) {
            assert_eq!(line(number), Some(text));
        }
        assert_eq!((line(0), line(6)), (None, None));
    }
}
