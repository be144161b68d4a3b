//! Input that nobody would write: random, broken, enormous.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::prelude::*;
use tempfile::TempDir;

use crate::config::{Loaded, Report, load_with};

fn load(bytes: &[u8]) -> Result<Loaded, Report> {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("a.yaml");
    fs::write(&path, bytes).unwrap();
    load_with(&path, &|_| None)
}

/// Loads and shows; an error is never without a reason.
fn survive(bytes: &[u8]) {
    match load(bytes) {
        Ok(loaded) => assert!(loaded.warnings.is_usable()),
        Err(report) => assert!(report.errors() > 0 && !report.to_string().is_empty()),
    }
}

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/simplon.yaml");
    fs::read_to_string(path).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_are_survived(bytes: Vec<u8>) {
        survive(&bytes);
    }

    #[test]
    fn arbitrary_signs_are_survived(text in "[-a-c:,{}\\[\\]&*!|>'\"%@`#?$~. \n\r\té漢\u{85}\u{feff}]{0,80}") {
        survive(text.as_bytes());
    }

    #[test]
    fn a_good_file_with_arbitrary_signs_in_it_is_survived(
        at in 0..4000usize,
        length in 0..40usize,
        text in "[-a:,{}\\[\\]&*'\"$ \n0-9]{0,10}",
    ) {
        let mut example = example();
        let bound = |at: usize| example.floor_char_boundary(at.min(example.len()));
        let range = bound(at)..bound(at + length);
        example.replace_range(range, &text);
        survive(example.as_bytes());
    }

    #[test]
    fn a_good_file_that_breaks_off_is_survived(at in 0..6000usize) {
        let example = example();
        survive(example.as_bytes().get(..at).unwrap_or(example.as_bytes()));
    }
}

#[test]
fn bombs_are_refused() {
    let nested = "[".repeat(100_000);
    let deep = (0..200).fold(String::new(), |mut text, level| {
        writeln!(text, "{}a:", " ".repeat(level)).unwrap();
        text
    });
    let aliases = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n";
    let keys = format!("{{{}}}", "a: 1, ".repeat(100_000));
    let long_key = format!("? {}\n: 1\n", "k".repeat(1_000_000));
    let many = format!("routes: [{}]", "a,".repeat(2_100_000));
    for text in [&nested, &deep, aliases, &keys, &long_key, &many] {
        let report = load(text.as_bytes()).unwrap_err();
        let shown = report.to_string();
        assert!(
            report.errors() > 0 && shown.len() < 1 << 20,
            "{}",
            shown.len()
        );
    }
}

/// The bound is generous, as this is a debug build on a machine with other work to do.
#[test]
fn fifty_thousand_routes_load() {
    let mut text = String::from("listeners: { http: { bind: ':80' } }\nupstreams:\n");
    for upstream in 0..1000 {
        writeln!(
            text,
            "  u{upstream}: {{ servers: ['10.0.0.1:{}'] }}",
            upstream + 1
        )
        .unwrap();
    }
    text.push_str("routes:\n");
    for route in 0..50_000 {
        let upstream = route % 1000;
        writeln!(text, "  - host: h{route}.example.ch\n    path: /p{route}\n    methods: [GET, POST]\n    upstream: u{upstream}").unwrap();
    }
    let start = Instant::now();
    let loaded = load(text.as_bytes()).unwrap_or_else(|report| panic!("{}", report.summary()));
    assert_eq!(loaded.config.routes.len(), 50_000);
    assert!(loaded.warnings.is_empty());
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}

/// Nearly as fast as a good file, and the report has an end.
#[test]
fn fifty_thousand_mistakes_are_reported_briefly() {
    let mut text = String::from("listeners: { http: { bind: ':80' } }\nupstreams:\n");
    for upstream in 0..100 {
        writeln!(
            text,
            "  upstream-{upstream}: {{ servers: ['10.0.0.1:{}'] }}",
            upstream + 1
        )
        .unwrap();
    }
    text.push_str("routes:\n");
    for route in 0..50_000 {
        writeln!(
            text,
            "  - {{ path: /p{route}, upstream: upstream_{route} }}"
        )
        .unwrap();
    }
    let start = Instant::now();
    let report = load(text.as_bytes()).unwrap_err();
    assert_eq!(report.errors(), 1001);
    let last = report.problems().last().unwrap();
    assert_eq!(last.message, "there are 49000 more problems");
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}
