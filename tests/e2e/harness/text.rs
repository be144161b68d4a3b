//! Configurations as tests write them: indented like the code around them, with `$1` for an address.

use std::path::Path;

use super::free_port;

/// The ports of one proxy, by the names that texts use.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) other: u16,
    pub(crate) admin: u16,
}

impl Ports {
    pub(crate) fn free() -> Self {
        Self {
            http: free_port(),
            https: free_port(),
            other: free_port(),
            admin: free_port(),
        }
    }
}

/// The whole file: `text`, with what every proxy of ours needs and the text does not say.
///
/// `$1` to `$9` stand for the origins, `$http`, `$https` and `$other` for ports, `$dir` for the
/// proxy's directory.
pub(super) fn complete(text: &str, origins: &[String], ports: Ports, directory: &Path) -> String {
    let directory = directory.to_str().unwrap();
    let mut whole = dedent(text);
    let has = |key: &str| whole.lines().any(|line| line.starts_with(key));
    let mut defaults = String::new();
    if !has("listeners:") {
        defaults.push_str("listeners: { http: { bind: \"127.0.0.1:$http\" } }\n");
    }
    if !has("admin:") {
        defaults.push_str("admin: { bind: \"127.0.0.1:$admin\" }\n");
    }
    if !has("state:") {
        defaults.push_str("state: $dir/state\n");
    }
    if !has("control:") {
        defaults.push_str("control: $dir/control.sock\n");
    }
    if !has("express:") && by_full_lane() {
        defaults.push_str("express: off\n");
    }
    whole.push_str(&defaults);
    for (name, port) in [
        ("$https", ports.https),
        ("$http", ports.http),
        ("$other", ports.other),
        ("$admin", ports.admin),
    ] {
        whole = whole.replace(name, &port.to_string());
    }
    whole = whole.replace("$dir", directory);
    for (origin, nth) in origins.iter().zip(1..) {
        whole = whole.replace(&format!("${nth}"), origin);
    }
    whole
}

/// Whether requests are to go by the full lane where a test does not say by which.
pub(crate) fn by_full_lane() -> bool {
    match std::env::var("SIMPLON_TEST_LANE").as_deref() {
        Ok("full") => true,
        Ok("express") | Err(_) => false,
        Ok(other) => panic!("SIMPLON_TEST_LANE is full or express, not {other}"),
    }
}

/// Takes off what all lines are indented by.
fn dedent(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = lines()
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    lines()
        .flat_map(|line| {
            [
                &line[indent..],
                "
",
            ]
        })
        .collect()
}
