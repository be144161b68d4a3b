//! The form of the house: what no compiler checks and every reader relies on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot read its own tree has failed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every file of ours with this ending, by its path from the root.
fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = [
        "proxy", "app", "benches", "tests", "conf", "systemd", "certs",
    ]
    .iter()
    .map(|folder| root().join(folder))
    .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "target" {
                    folders.push(path);
                }
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} file was found");
    found
}

/// The text without its comments: walls are about code.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn no_file_is_longer_than_its_idea() {
    let long: Vec<_> = files(".rs")
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert_none(&long, "a file has 500 lines at most; split it by idea");
}

#[test]
fn every_file_opens_with_its_purpose() {
    let silent: Vec<_> = files(".rs")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert_none(&silent, "the first line of a file says what it is for");
}

#[test]
fn no_room_is_a_junk_room() {
    let junk: Vec<_> = files(".rs")
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| {
            let stem = Path::new(name)
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            ["util", "utils", "common", "helper", "helpers", "misc"].contains(&stem.as_str())
        })
        .collect();
    assert_none(&junk, "a module has a noun for its name");
}

#[test]
fn nothing_is_left_for_later_in_the_text() {
    // Spelt apart, so that this list does not find itself.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["unimplement", "ed!"],
        ["#[ig", "nore"],
    ];
    let mut left = Vec::new();
    for (name, text) in files(".rs") {
        for mark in marks.map(|parts| parts.concat()) {
            if text.contains(&mark) {
                left.push(format!("{name}: {mark}"));
            }
        }
    }
    assert_none(&left, "what is open stands in an issue");
}

#[test]
fn pingora_is_known_only_where_it_must_be() {
    let knowing: Vec<_> = files(".rs")
        .into_iter()
        .filter(|(name, _)| name.starts_with("proxy/src/"))
        .filter(|(name, _)| {
            !name.starts_with("proxy/src/gateway/") && name != "proxy/src/listen/io.rs"
        })
        .filter(|(_, text)| code(text).contains("pingora::"))
        .map(|(name, _)| name)
        .collect();
    assert_none(
        &knowing,
        "Pingora's types stay in gateway/ and listen/io.rs",
    );
}

#[test]
fn the_domain_touches_no_socket_and_no_clock() {
    const DOMAIN: [&str; 6] = ["admit", "route", "policy", "balance", "forward", "respond"];
    const RIM: [&str; 4] = [
        "balance/health",
        "balance/names",
        "balance/probe",
        "balance/queue",
    ];
    const FORBIDDEN: [&str; 6] = [
        "tokio::",
        "std::fs",
        "Instant::now",
        "SystemTime::now",
        "TcpStream",
        "fastrand::",
    ];
    let mut broken = Vec::new();
    for (name, text) in files(".rs") {
        let Some(module) = name.strip_prefix("proxy/src/") else {
            continue;
        };
        let is_domain = DOMAIN.iter().any(|domain| module.starts_with(domain));
        if !is_domain || RIM.iter().any(|rim| module.starts_with(rim)) || module.contains("tests") {
            continue;
        }
        let code = code(text.split("#[cfg(test)]").next().unwrap());
        broken.extend(
            FORBIDDEN
                .iter()
                .filter(|forbidden| code.contains(*forbidden))
                .map(|forbidden| format!("{name}: {forbidden}")),
        );
    }
    assert_none(
        &broken,
        "values in, values out: time and randomness are parameters",
    );
}

#[test]
fn there_is_one_cell_for_the_snapshot() {
    let cells: Vec<_> = files(".rs")
        .into_iter()
        .filter(|(name, text)| name.starts_with("proxy/src/") && code(text).contains("ArcSwap"))
        .map(|(name, _)| name)
        .filter(|name| name != "proxy/src/snapshot/cell.rs")
        .collect();
    assert_none(&cells, "one ArcSwap, in snapshot/cell.rs");
}

#[test]
fn what_the_compiler_cannot_check_stands_in_one_place() {
    let marks =
        [["uns", "afe {"], ["uns", "afe fn"], ["uns", "afe impl"]].map(|parts| parts.concat());
    let unchecked: Vec<_> = files(".rs")
        .into_iter()
        .filter(|(_, text)| marks.iter().any(|mark| code(text).contains(mark)))
        .map(|(name, _)| name)
        .filter(|name| name != "proxy/src/listen/descriptor.rs" && !name.starts_with("proxy/zlib/"))
        .collect();
    assert_none(
        &unchecked,
        "see `Rooms` in ARCHITECTURE.md for where it may",
    );
}

#[test]
fn every_example_is_named_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let unnamed: Vec<_> = files(".yaml")
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("conf/") && !readme.contains(name.as_str()))
        .collect();
    assert_none(&unnamed, "an example that nobody finds is no example");
}

#[test]
fn each_guard_is_shown_by_a_test_and_counted() {
    let model = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let sources: String = files(".rs").into_iter().map(|(_, text)| text).collect();
    let rows = model.lines().filter(|line| line.starts_with("| "));
    let columns = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let quoted = |cell: &str| -> Vec<String> {
        let odd = cell.split('`').skip(1).step_by(2);
        odd.map(str::to_owned).collect()
    };
    let mut broken = Vec::new();
    // Attack, guard, shown by, counted as; what is outside the outer bars makes two more.
    for row in columns.filter(|row| row.len() == 6 && row[1] != "attack") {
        let shown = quoted(row[3]);
        if shown.is_empty() {
            broken.push(format!("{}: no test", row[1]));
        }
        let is_missing = |name: &String| !sources.contains(&format!("fn {name}("));
        broken.extend(shown.into_iter().filter(is_missing));
        let is_no_label = |label: &String| !sources.contains(&format!("\"{label}\""));
        broken.extend(quoted(row[4]).into_iter().filter(is_no_label));
    }
    assert_none(&broken, "a guard that nobody has seen at work is a hope");
}

#[test]
fn no_core_is_left_with_keys_in_it() {
    let unit = fs::read_to_string(root().join("systemd/simplon.service")).unwrap();
    assert!(unit.lines().any(|line| line == "LimitCORE=0"), "{unit}");
}

#[test]
fn no_text_speaks_of_the_machine_it_was_written_on() {
    let homes = [["/ro", "ot/"], ["/wo", "rk/"], ["/ho", "me/"]].map(|parts| parts.concat());
    let mut broken = Vec::new();
    for ending in [".rs", ".yaml", ".md", ".toml", ".service"] {
        for (name, text) in files(ending) {
            broken.extend(
                homes
                    .iter()
                    .filter(|home| text.contains(*home))
                    .map(|home| format!("{name}: {home}")),
            );
        }
    }
    assert_none(&broken, "paths of one machine mean nothing on another");
}
