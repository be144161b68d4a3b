//! Planted mistakes, each with the whole report it gets: `mistakes/NAME.yaml` and `mistakes/NAME.txt`.
//!
//! `UPDATE=1 cargo test -p simplon --lib mistakes` writes the reports anew; read the difference before it is committed.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::config::{
    Report, load_with, read,
    table::{Key, Kind, Table},
};

/// Relative to the package, where tests run, so that reports name no directory of this machine.
const DIRECTORY: &str = "src/config/tests/mistakes/";

#[test]
fn every_mistake_gets_the_report_it_deserves() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 45, "the mistakes are found");
    for case in &cases {
        let found = report(case).to_string().replace(DIRECTORY, "");
        let path = case.with_extension("txt");
        if update {
            fs::write(path, &found).unwrap();
        } else {
            let expected = fs::read_to_string(path).unwrap_or_default();
            if found != expected {
                wrong.push(format!("--- expected\n{expected}--- found\n{found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_problem_has_a_place_inside_its_file() {
    for case in cases() {
        for problem in report(&case).problems() {
            let Some(span) = &problem.span else {
                let has_none = ["is empty", "no listener accepts", "there are no routes"];
                let message = &problem.message;
                assert!(has_none.iter().any(|m| message.contains(m)), "{message}");
                continue;
            };
            let text = fs::read_to_string(&span.file).unwrap();
            let line = text.split('\n').nth(span.line as usize - 1).unwrap();
            let end = span.column as usize - 1 + span.width as usize;
            // The end of a file that breaks off lies one letter behind it.
            assert!(
                end <= line.chars().count() + 1,
                "{span} {}",
                problem.message
            );
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(DIRECTORY)).unwrap();
    let mut cases: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    cases.sort();
    cases
}

fn report(case: &Path) -> Report {
    match load_with(case, &|_| None) {
        Ok(loaded) => loaded.warnings,
        Err(report) => report,
    }
}

/// Nothing that is reserved is ever ignored: each such key of each table has its mistake planted.
#[test]
fn every_key_that_does_not_work_yet_is_refused() {
    let mut reports = String::new();
    for case in cases() {
        write!(reports, "{}", report(&case)).unwrap();
    }
    let mut reserved = 0;
    each_key(&read::WHOLE, &mut |table, key| {
        if let Kind::Later(hint) = key.kind {
            let message = format!("\"{}\" is not available yet", key.name);
            assert!(reports.contains(&message), "{} of {}", key.name, table.of);
            assert!(reports.contains(hint), "{hint}");
            reserved += 1;
        }
    });
    // Two are of the whole file, so one more shows that the walk goes down.
    assert!(reserved > 2, "the walk finds them");
}

#[test]
fn every_key_says_what_it_is_for() {
    each_key(&read::WHOLE, &mut |table, key| {
        assert!(
            !key.doc.is_empty() && !key.doc.ends_with('.'),
            "{}",
            key.name
        );
        let same = table.keys.iter().filter(|other| other.name == key.name);
        assert_eq!(same.count(), 1, "{}", key.name);
    });
}

fn each_key(table: &'static Table, see: &mut dyn FnMut(&'static Table, &'static Key)) {
    for key in table.keys {
        see(table, key);
        if let Some(table) = key.kind.table() {
            each_key(table, see);
        }
    }
}
