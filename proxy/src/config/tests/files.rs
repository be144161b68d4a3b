//! Files that cannot be read, files that include others, and paths in them.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::config::{
    Problem, Report, load_with,
    model::{AccessLog, CertificateSource},
};

const REST: &str = "
upstreams: { app: { servers: [127.0.0.1:3000] } }
routes: [{ upstream: app }]
";

/// A directory with these files in it.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    directory
}

/// The report on a file of `directory`, which is called DIR in it.
fn refused(directory: &Path, file: &str) -> String {
    let report = load_with(&directory.join(file), &|_| None).unwrap_err();
    assert!(!report.is_usable());
    report
        .to_string()
        .replace(directory.to_str().unwrap(), "DIR")
}

#[test]
fn a_file_that_is_missing_or_none_is_named() {
    let directory = directory(&[("conf/simplon.yaml", b"")]);
    let directory = directory.path();
    assert_eq!(
        refused(directory, "none.yaml"),
        "error: there is no file DIR/none.yaml\n"
    );
    assert_eq!(
        refused(directory, "conf"),
        "error: DIR/conf is a directory\n  = hint: did you mean DIR/conf/simplon.yaml?\n"
    );
}

#[test]
fn what_is_no_text_is_shown_where_it_begins() {
    let directory = directory(&[("a.yaml", b"listeners:\n  h\xc3\xb6\xff: {}\n")]);
    let expected = "\
error: DIR/a.yaml:2:5: this is not UTF-8 text
  |
2 |   h\u{f6}\u{fffd}: {}
  |     ^
  = hint: save the file in the UTF-8 encoding
";
    assert_eq!(refused(directory.path(), "a.yaml"), expected);
}

#[test]
fn a_file_of_a_hundred_megabytes_is_refused_before_it_is_parsed() {
    let directory = directory(&[]);
    let file = fs::File::create(directory.path().join("big.yaml")).unwrap();
    file.set_len(100_000_000).unwrap();
    let expected = "\
error: DIR/big.yaml is larger than 16 MiB
  = hint: is this the right file? A large configuration can be split with `include`
";
    assert_eq!(refused(directory.path(), "big.yaml"), expected);
}

#[test]
fn included_files_are_merged_in_the_order_of_their_names() {
    let main = format!("listeners: {{ a: {{ bind: ':1' }} }}\ninclude: conf.d/*.yaml\n{REST}");
    let directory = directory(&[
        ("main.yaml", main.as_bytes()),
        ("conf.d/2.yaml", b"routes: [{ path: /two, upstream: app }]"),
        (
            "conf.d/1.yaml",
            b"listeners: { b: { bind: ':2', tls: modern } }
certificates: [{ hosts: a.ch, chain: a.pem, key: ../a.key }]
routes: [{ path: /one, upstream: other }]
upstreams: { other: { servers: ['o:1'] } }
log: { access: file access.log }
state: state",
        ),
        ("conf.d/.hidden.yaml", b"no: way"),
        ("conf.d/3.yml", b"no: way"),
        ("conf.d/4.yaml", b"# nothing yet\n"),
    ]);
    let directory = directory.path();
    let loaded = load_with(&directory.join("main.yaml"), &|_| None).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let config = loaded.config;
    let names: Vec<_> = config.listeners.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["a", "b"]);
    let files: Vec<_> = config
        .routes
        .iter()
        .map(|route| route.at.span.as_ref().unwrap().file.file_name().unwrap())
        .collect();
    assert_eq!(files, ["main.yaml", "1.yaml", "2.yaml"]);
    // A relative path starts at the file that names it.
    let CertificateSource::Files { chain, key } = &config.certificates[0].source else {
        panic!("from files");
    };
    assert_eq!(chain.value, directory.join("conf.d/a.pem"));
    assert_eq!(key.value, directory.join("conf.d/../a.key"));
    assert_eq!(config.state, directory.join("conf.d/state"));
    assert_eq!(
        config.log.access,
        AccessLog::File(directory.join("conf.d/access.log"))
    );
    assert_eq!(loaded.sources.paths().count(), 4);
}

#[test]
fn a_problem_found_later_is_shown_in_the_same_texts() {
    let main = format!(
        "listeners: {{ a: {{ bind: ':1', tls: modern }} }}
certificates: [{{ hosts: a.ch, chain: a.pem, key: a.key }}]
{REST}"
    );
    let directory = directory(&[("main.yaml", main.as_bytes())]);
    let loaded = load_with(&directory.path().join("main.yaml"), &|_| None).unwrap();
    let CertificateSource::Files { chain, .. } = &loaded.config.certificates[0].source else {
        panic!("from files");
    };
    let problem = Problem::error("there is no such file").at_value(chain);
    let report = Report::new([problem], &loaded.sources).to_string();
    assert!(
        report.ends_with(
            "main.yaml:2:38: there is no such file
  |
2 | certificates: [{ hosts: a.ch, chain: a.pem, key: a.key }]
  |                                      ^^^^^
"
        ),
        "{report}"
    );
}

#[test]
fn a_thousand_files_may_be_included_and_no_more() {
    let main = format!("listeners: {{ a: {{ bind: ':1' }} }}\ninclude: d/*.yaml\n{REST}");
    let directory = directory(&[("main.yaml", main.as_bytes())]);
    fs::create_dir(directory.path().join("d")).unwrap();
    let mut write = |number: usize| {
        fs::write(directory.path().join(format!("d/{number}.yaml")), "").unwrap();
    };
    (0..1000).for_each(&mut write);
    let main = directory.path().join("main.yaml");
    assert!(load_with(&main, &|_| None).is_ok());
    write(1000);
    let report = load_with(&main, &|_| None).unwrap_err();
    assert_eq!(
        report.problems().next().unwrap().message,
        "more than 1000 files are included"
    );
}

#[test]
fn the_environment_reaches_every_value_and_its_type() {
    let text = "
listeners: { http: { bind: '${BIND}' } }
upstreams: { app: { servers: ['app:${PORT}'], health: { tcp: true, interval: '${EVERY:-3s}' } } }
routes: [{ upstream: app }]
workers: ${WORKERS}
";
    let directory = directory(&[("a.yaml", text.as_bytes())]);
    let environment = |name: &str| {
        let value = match name {
            "BIND" => "127.0.0.1:80",
            "PORT" => "8000",
            "WORKERS" => "4",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let config = load_with(&directory.path().join("a.yaml"), &environment)
        .unwrap()
        .config;
    assert_eq!(config.listeners[0].bind[0].port(), 80);
    let upstream = &config.upstreams[0];
    assert_eq!(upstream.servers[0].address.to_string(), "app:8000");
    assert_eq!(upstream.health.as_ref().unwrap().interval.as_secs(), 3);
    assert_eq!(config.workers.unwrap().get(), 4);
}

#[test]
fn every_kind_of_line_break_keeps_its_place() {
    for line_break in ["\n", "\r\n", "\r"] {
        let text = [
            "# é",
            "listeners:",
            "  http: { bind: ':80' }",
            "routez: []",
            "",
        ]
        .join(line_break);
        for start in ["", "\u{feff}"] {
            let directory = directory(&[("a.yaml", format!("{start}{text}").as_bytes())]);
            let expected = "\
error: DIR/a.yaml:4:1: the configuration has no key \"routez\"
  |
4 | routez: []
  | ^^^^^^
  = hint: did you mean \"routes\"?
";
            assert_eq!(
                refused(directory.path(), "a.yaml"),
                expected,
                "{line_break:?} {start:?}"
            );
        }
    }
}

#[test]
fn a_byte_order_mark_moves_nothing() {
    let directory = directory(&[("a.yaml", "\u{feff}routez: []".as_bytes())]);
    let report = refused(directory.path(), "a.yaml");
    assert!(report.contains("a.yaml:1:1: "), "{report}");
    assert!(
        report.contains("1 | routez: []\n  | ^^^^^^\n"),
        "{report:?}"
    );
}
