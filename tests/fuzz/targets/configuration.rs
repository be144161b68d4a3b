//! A configuration and the files it includes: read, or refused with problems that have their places; each time the same.
#![no_main]

use std::{fs, path::Path};

use libfuzzer_sys::fuzz_target;
use simplon::config::{Loaded, Problem, Report, load_with};

/// Between files. No UTF-8 text holds it.
const NEXT_FILE: u8 = 0xff;

// The main file, then those of `conf.d`.
fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let main = folder.path().join("simplon.yaml");
    fs::create_dir(folder.path().join("conf.d")).expect("a folder in it");
    let names = ["simplon.yaml", "conf.d/a.yaml", "conf.d/b.yaml"];
    for (name, text) in names.iter().zip(data.split(|byte| *byte == NEXT_FILE)) {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let first = load_with(&main, &environment);
    let second = load_with(&main, &environment);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(
                format!("{:?}", first.config),
                format!("{:?}", second.config)
            );
            assert_eq!(first.warnings, second.warnings);
            assert_usable(&first);
            assert_shown(&first.warnings, folder.path());
        }
        (Err(first), Err(second)) => {
            assert_eq!(first, second);
            assert!(first.errors() > 0);
            assert!(!first.to_string().is_empty());
            assert_shown(&first, folder.path());
        }
        (first, _) => panic!("usable once and once not: {first:?}"),
    }
});

/// Values as strange as an environment's may be.
fn environment(name: &str) -> Option<String> {
    match name {
        "HOST" => Some("10.0.0.1".to_owned()),
        "PORT" => Some("8000".to_owned()),
        "EMPTY" => Some(String::new()),
        "SELF" => Some("${SELF}${SELF}".to_owned()),
        "STRANGE" => Some(": [{'\"\n\t#\u{0}é\u{2028}".to_owned()),
        _ => None,
    }
}

/// What later stages rely on.
fn assert_usable(loaded: &Loaded) {
    assert!(loaded.warnings.is_usable());
    let config = &loaded.config;
    assert!(loaded.sources.paths().count() <= 3);
    for route in &config.routes {
        if let simplon::config::model::Action::Forward { upstream, .. } = route.action {
            assert!(upstream < config.upstreams.len());
        }
    }
}

/// Every problem has a text, and a place that exists if it has one.
fn assert_shown(report: &Report, folder: &Path) {
    let count = report.problems().count();
    assert_eq!(report.to_json().as_array().map(Vec::len), Some(count));
    assert!(report.to_string().len() < 1 << 21, "nobody reads so much");
    for problem in report.problems() {
        assert!(!problem.message.is_empty());
        assert_placed(problem, folder);
    }
}

fn assert_placed(problem: &Problem, folder: &Path) {
    let Some(span) = &problem.span else { return };
    assert!(span.line >= 1 && span.column >= 1 && span.width >= 1);
    if !span.file.starts_with(folder) {
        return;
    }
    let bytes = fs::read(&span.file).expect("a file that was read before");
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let line = text.split('\n').nth(span.line as usize - 1);
    let line = line.unwrap_or_else(|| panic!("{problem:?} is behind the end"));
    let columns = line.chars().count() + 1;
    assert!(span.column as usize <= columns, "{problem:?} in {line:?}");
}
