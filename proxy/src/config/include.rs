//! `include: [conf.d/*.yaml]`: which files that names.
//!
//! A pattern has `*` and `?` in its last part alone, where they match what they match in a shell: neither a slash nor
//! a dot in front. An included file includes no others.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::problem::{Located, Problem, Problems, Span, quoted};

/// Files that one configuration may include.
const MAX_FILES: usize = 1000;

/// The files that the patterns of `main` name, each once, and where: in the order of the patterns, then of their names.
pub(super) fn files(
    main: &Path,
    patterns: &[Located<String>],
    problems: &Problems,
) -> Vec<(PathBuf, Option<Span>)> {
    let directory = main.parent().unwrap_or(Path::new(""));
    let mut seen = HashSet::from([identity(main)]);
    let mut found = Vec::new();
    for pattern in patterns {
        let refuse = |problem: Problem| problems.push(problem.at_value(pattern));
        let matching = match matching(directory, &pattern.value) {
            Ok(matching) => matching,
            Err(problem) => {
                refuse(problem);
                continue;
            }
        };
        if matching.is_empty() {
            refuse(
                Problem::warning(format!("no file matches {}", quoted(&pattern.value)))
                    .hint(format!("looked in {}", shown(directory, &pattern.value))),
            );
        }
        for path in matching {
            if found.len() == MAX_FILES {
                refuse(Problem::error("more than 1000 files are included"));
                return found;
            }
            if seen.insert(identity(&path)) {
                found.push((path, pattern.span.clone()));
            } else if identity(&path) == identity(main) {
                refuse(
                    Problem::error("a file cannot include itself")
                        .hint("keep the included files in a directory of their own"),
                );
            }
        }
    }
    found
}

/// The file behind a path, whatever the path's spelling.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The directory a pattern looks in.
fn shown(directory: &Path, pattern: &str) -> String {
    let whole = directory.join(pattern);
    match whole.parent() {
        Some(parent) if parent != Path::new("") => parent.display().to_string(),
        _ => "the working directory".to_owned(),
    }
}

fn matching(directory: &Path, pattern: &str) -> Result<Vec<PathBuf>, Problem> {
    let whole = directory.join(pattern);
    let (parent, last) = match pattern.rsplit_once('/') {
        Some((parent, last)) => (parent, last),
        None => ("", pattern),
    };
    if last.is_empty() || pattern.contains('\0') {
        return Err(Problem::error("this names no file").hint("write conf.d/*.yaml"));
    }
    if parent.contains(['*', '?']) {
        return Err(
            Problem::error("only the last part of a pattern may have * or ? in it")
                .hint("write one pattern for each directory"),
        );
    }
    if !last.contains(['*', '?']) {
        return Ok(vec![whole]);
    }
    let searched = match whole.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let entries = match fs::read_dir(searched) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let searched = searched.display();
            return Err(Problem::error(format!(
                "cannot look into {searched}: {error}"
            )));
        }
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let is_hidden = name.as_encoded_bytes().starts_with(b".") && !last.starts_with('.');
            (!is_hidden && matches(last, &name.to_string_lossy())).then_some(name)
        })
        // A directory or a pipe called so was not meant.
        .filter(|name| searched.join(name).is_file())
        .collect();
    names.sort_unstable();
    Ok(names
        .into_iter()
        .map(|name| whole.with_file_name(name))
        .collect())
}

/// Whether a name matches: `*` stands for any letters, `?` for one.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on if the letters behind the last star do not fit: that star takes one letter more.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(letter) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((star, from)) = retry else {
                    return false;
                };
                retry = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let table = [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".yaml", true),
            ("*.yaml", "a.yaml~", false),
            ("*.yaml", "a.yml", false),
            ("a?.yaml", "ab.yaml", true),
            ("a?.yaml", "a.yaml", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*ab", "aab", true),
            ("é?", "éü", true),
            ("", "", true),
            ("*", "", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
