//! What editors are told agrees with what the reader says.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config::{
    load_with,
    problem::Problems,
    raw::{self, Node},
    read::{Draft, WHOLE},
    schema,
    table::Table,
};

#[test]
fn the_schema_is_one_by_the_rules_of_its_draft() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    // Each reference leads somewhere, or there would be no validator.
    validator();
}

#[test]
fn no_two_tables_have_one_definition() {
    let mut tables: Vec<&'static Table> = Vec::new();
    walk(&WHOLE, &mut tables);
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    assert!(tables.len() > 40, "the walk finds them");
    assert_eq!(definitions.len(), tables.len() + 1, "and the variables");
}

#[test]
fn every_key_says_what_it_is_for_and_its_default_is_good() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    let mut defaults = 0;
    for mapping in definitions.chain([&schema]) {
        let Some(properties) = mapping["properties"].as_object() else {
            continue;
        };
        assert_eq!(mapping["additionalProperties"], false);
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{name}");
            let Some(default) = property.get("default") else {
                continue;
            };
            let alone = json!({ "$defs": schema["$defs"], "allOf": [property] });
            assert!(jsonschema::is_valid(&alone, default), "{name}: {default}");
            defaults += 1;
        }
    }
    assert!(defaults > 60, "{defaults}");
}

fn walk(table: &'static Table, found: &mut Vec<&'static Table>) {
    for table in table.keys.iter().filter_map(|key| key.kind.table()) {
        if !found.iter().any(|known| std::ptr::eq(*known, table)) {
            found.push(table);
            walk(table, found);
        }
    }
}

/// Files of `conf` as they are written, with their variables; and whatever else the reader takes.
#[test]
fn every_good_file_is_good_in_an_editor() {
    let validator = validator();
    let mut good = 0;
    for path in yaml_files("../conf")
        .into_iter()
        .chain(yaml_files("src/config/tests/mistakes"))
    {
        if load_with(&path, &|_| None).is_ok() {
            let instance = as_written(&path).unwrap();
            let fault = validator.validate(&instance).err();
            assert!(fault.is_none(), "{}: {fault:?}", path.display());
            good += 1;
        }
    }
    assert!(good > 20, "{good}");
}

/// What of a planted mistake is one of shape: a key, a type, a unit, a word.
const OF_SHAPE: [&str; 20] = [
    "cannot ask for the method",
    "has a fraction",
    "has an unknown unit",
    "has more than one unit",
    "has no key",
    "has no value",
    "is a mapping, not ",
    "is an empty list",
    "is no name for a listener",
    "is no name for an issuer",
    "is no reason to try again",
    "is not a coding that we have",
    "is not available yet",
    "needs a % sign",
    "needs a unit",
    "says nothing of a time",
    "takes a list",
    "takes a mapping",
    "takes a whole number",
    "takes true or false",
];

#[test]
fn every_planted_mistake_of_shape_is_one_in_an_editor() {
    let validator = validator();
    let mut seen = HashSet::new();
    for path in yaml_files("src/config/tests/mistakes") {
        let Some(instance) = as_written(&path) else {
            continue;
        };
        let report = load_with(&path, &|_| None).map_or_else(|report| report, |it| it.warnings);
        for problem in report.problems() {
            let is_here = problem
                .span
                .as_ref()
                .is_some_and(|span| *span.file == *path);
            let phrase = OF_SHAPE
                .iter()
                .find(|phrase| problem.message.contains(*phrase));
            if let (Some(phrase), true) = (phrase, is_here) {
                let (file, message) = (path.display(), &problem.message);
                assert!(!validator.is_valid(&instance), "{file}: {message}");
                seen.insert(phrase);
            }
        }
    }
    assert_eq!(seen.len(), OF_SHAPE.len(), "each is planted: {seen:?}");
}

/// One mistake each, so that none hides behind another.
#[test]
fn each_mistake_of_shape_alone_is_refused_by_both() {
    for text in BAD {
        let (read, valid) = both(text);
        assert!(!read, "the reader takes {text}");
        assert!(!valid, "the schema takes {text}");
    }
}

const BAD: &[&str] = &[
    "color: red",
    "listeners: []",
    r#"listeners: { "a b": { bind: ":80" } }"#,
    "listeners: { a: { limit: {} } }",
    "listeners: { a: }",
    "listeners: { a: { bind: 80 } }",
    "listeners: { a: { bind: [] } }",
    r#"listeners: { a: { bind: ":80", tls: } }"#,
    r#"listeners: { a: { bind: ":80", tls: true } }"#,
    r#"listeners: { a: { bind: ":80", tls: old } }"#,
    r#"listeners: { a: { bind: ":80", tls: { min_version: 1.1 } } }"#,
    r#"listeners: { a: { bind: ":80", protocols: http/1.1 } }"#,
    r#"listeners: { a: { bind: ":80", protocols: [h3] } }"#,
    r#"listeners: { a: { bind: ":80", proxy_protocol: true } }"#,
    r#"listeners: { a: { bind: ":80", redirect: http } }"#,
    r#"listeners: { a: { bind: ":80", limits: { streams: 0 } } }"#,
    r#"listeners: { a: { bind: ":80", limits: { streams: "5" } } }"#,
    r#"listeners: { a: { bind: ":80", limits: { header_timeout: 10 } } }"#,
    r#"listeners: { a: { bind: ":80", limits: { header_timeout: 1.5s } } }"#,
    r#"listeners: { a: { bind: ":80", limits: { header_size: 64KB } } }"#,
    r#"listeners: { a: { bind: ":80", limits: { header_size: 100 } } }"#,
    "workers: 0",
    "workers: auto",
    "memory_limit: 2GB",
    "memory_limit: 1000000000",
    "state: 5",
    "include: { a: b }",
    "metrics: { haproxy: yes }",
    "log: json",
    "log: { access: false }",
    "acme: { letsencrypt: { challenge: dns-01 } }",
    "acme: { letsencrypt: { challenge: { http-01: {} } } }",
    "acme: { letsencrypt: { limits: { orders: 300 } } }",
    "certificates: [{ self_signed: true }]",
    "certificates: { hosts: [a.ch] }",
    r#"upstreams: { a: { servers: "10.0.0.1:80" } }"#,
    "upstreams: { a: { servers: [] } }",
    "upstreams: { a: { servers: [{ weight: 2 }] } }",
    r#"upstreams: { a: { servers: [{ address: "a:80", weight: 300 }] } }"#,
    r#"upstreams: { a: { servers: ["a:80"], tls: } }"#,
    r#"upstreams: { a: { servers: ["a:80"], tls: modern } }"#,
    r#"upstreams: { a: { servers: ["a:80"], balance: random } }"#,
    r#"upstreams: { a: { servers: ["a:80"], health: /health } }"#,
    r#"upstreams: { a: { servers: ["a:80"], health: { path: /, expect: 700 } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], health: { path: /, expect: 2xx } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], retries: { budget: 20 } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], retries: { budget: 101% } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], retries: { on: 500 } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], protocol: h3 } }"#,
    "limits_store:",
    "limits_store: { timeout: 20ms }",
    r#"limits_store: { url: "redis://a", on_failure: deny }"#,
    "routes: { path: / }",
    "routes: [{ respond: hello }]",
    "routes: [{ respond: {}, methods: [get] }]",
    "routes: [{ respond: {}, host: 10 }]",
    "routes: [{ respond: { status: 99 } }]",
    "routes: [{ redirect: {} }]",
    "defaults: { access: true }",
    "defaults: { access: { allow: 10 } }",
    "defaults: { countries: { allow: [] } }",
    "defaults: { block: true }",
    "defaults: { block: sqlmap }",
    "defaults: { block: [{ header: { name: a } }] }",
    "defaults: { basic_auth: true }",
    "defaults: { forward_auth: true }",
    "defaults: { compress: }",
    "defaults: { compress: yes }",
    "defaults: { compress: { encodings: [brotli] } }",
    "defaults: { compress: { levels: { gzip: 10 } } }",
    "defaults: { headers: { request: { set: [a] } } }",
    "defaults: { headers: { request: { set: { a: [b] } } } }",
    "defaults: { headers: { request: { add: { a: 1 } } } }",
    "defaults: { rate_limit: 50/s }",
    "defaults: { rate_limit: true }",
    "defaults: { rate_limit: [{ rate: 50 }] }",
    "defaults: { rate_limit: { rate: 0/s } }",
    "defaults: { rate_limit: { rate: 50/s, by: ip } }",
    "defaults: { max_in_flight: { max: 0 } }",
    "defaults: { security_headers: { frame_options: true } }",
    r#"defaults: { error_pages: { "200": a.html } }"#,
    "defaults: { hsts: { max_age: 365 } }",
];

/// The other way round: nothing that is good is underlined.
#[test]
fn each_good_line_is_taken_by_both() {
    for text in GOOD {
        let (read, valid) = both(text);
        assert!(read, "the reader refuses {text}");
        assert!(valid, "the schema refuses {text}");
    }
}

const GOOD: &[&str] = &[
    "listeners:",
    r#"listeners: { a-b_c.d: { bind: ":80", tls: intermediate, protocols: [h2, http/1.1] } }"#,
    r#"listeners: { a: { bind: [":80", "[::1]:81"], limits: } }"#,
    r#"listeners: { a: { bind: ":${PORT}", limits: { header_size: 2048, body_size: "1024" } } }"#,
    "upstreams:\n  a:\n    servers: [a:80]\n    retries:\n      attempts: ${COUNT}",
    r#"listeners: { a: { bind: ":80", tls: { min_version: 1.3, profile: modern } } }"#,
    r#"listeners: { a: { bind: ":80", tls: { min_version: "1.2", client_certificates: { ca: a.pem, crl: [b.pem] } } } }"#,
    r#"listeners: { a: { bind: ":80", limits: { header_timeout: "${SECONDS}s" } } }"#,
    "workers: ${COUNT:-2}",
    "memory_limit: off",
    "memory_limit: 2GiB",
    "trusted_proxies:",
    "trusted_proxies: 10.0.0.0/8",
    "include: []",
    "certificates:",
    "metrics:",
    "metrics: { haproxy: false }",
    "acme: { letsencrypt: }",
    "acme: { letsencrypt: { challenge: [http-01, { dns-01: { command: ./hook } }], contact: ops@example.ch } }",
    "acme: { letsencrypt: { challenge: { dns-01: { command: [./hook, -v], propagation: } } } }",
    r#"upstreams: { a: { servers: ["a:80", { address: "b:80", weight: 2, backup: true }], timeouts: } }"#,
    r#"upstreams: { a: { servers: ["a:80"], tls: true } }"#,
    r#"upstreams: { a: { servers: ["a:80"], tls: { verify: false } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], health: { path: /, expect: [200, "301 - 308", +0204-205] } } }"#,
    r#"upstreams: { a: { servers: ["a:80"], retries: { on: [connect, 502, "503"], budget: 0% } } }"#,
    "limits_store: redis://10.0.0.5",
    r#"limits_store: { url: "redis://10.0.0.5", timeout: 20ms }"#,
    "routes: []",
    r#"routes: [{ respond:, methods: GET, host: "*.a.ch" }]"#,
    "routes: [{ respond: { status: 204 }, access: false, compress: true, rate_limit: [] }]",
    "defaults: { access: { allow:, deny: 10.0.0.0/8 } }",
    "defaults: { block: [bots, { path: /x, mode: observe }] }",
    "defaults: { block: bots }",
    "defaults: { block: { header: x-scanner } }",
    "defaults: { block: }",
    "defaults: { block: false, cors: false, basic_auth: false, forward_auth: false }",
    "defaults:\n  compress: ${COMPRESS:-true}\n  hsts: ${COMPRESS:-false}",
    "defaults: { compress: { min_size: 0 } }",
    "defaults: { headers: { request: { set: { a: b }, add: { c: d, e: [f, g] }, remove: x-* } } }",
    r#"defaults: { rate_limit: { rate: 50/s, by: "cookie:id" } }"#,
    "defaults: { rate_limit: [{ rate: 50/s }, { rate: 2000/5m, name: b }], max_in_flight: { max: 5 } }",
    "defaults: { security_headers: { frame_options: false, permissions_policy: false, content_security_policy: false } }",
    r#"defaults: { error_pages: { 404: a.html, "5xx": [b.html, b.json], servers: true } }"#,
];

proptest! {
    /// Of values that nobody has thought of, the schema takes whatever the reader takes.
    #[test]
    fn whatever_is_read_is_good_in_an_editor(
        place in prop::sample::select(PLACES.to_vec()),
        value in "[0-9]{1,4}(ms|s|h|KiB|B|%|/s|/5m)?|auto|off|true|false|null|1[.][23]|(client_ip|route|header:|cookie:)[!-~]{0,4}| ?[+]?0?[0-9]{1,3} ?- ?[0-9]{3}|[A-Za-z0-9._-]{1,66}",
        quote in "['\"]?",
    ) {
        let text = place.replace("{}", &format!("{quote}{value}{quote}"));
        if let Some((read, valid)) = seen_by_both(&text) {
            prop_assert!(!read || valid, "the reader takes {}", text);
        }
    }
}

const PLACES: [&str; 10] = [
    "workers: {}",
    "memory_limit: {}",
    "drain_timeout: {}",
    "metrics:\n  haproxy: {}",
    "listeners:\n  {}:\n    bind: ':80'",
    "listeners:\n  a:\n    bind: ':80'\n    tls:\n      min_version: {}",
    "listeners:\n  a:\n    bind: ':80'\n    limits:\n      body_size: {}",
    "upstreams:\n  a:\n    servers: [a:80]\n    health:\n      path: /\n      expect: {}",
    "upstreams:\n  a:\n    servers: [a:80]\n    retries:\n      budget: {}",
    "defaults:\n  rate_limit:\n    rate: 50/s\n    by: {}",
];

fn both(text: &str) -> (bool, bool) {
    seen_by_both(text).unwrap()
}

/// Whether the reader finds no error in the keys and values of this text, and whether the schema finds none. Nothing if it is no
/// sound YAML.
fn seen_by_both(text: &str) -> Option<(bool, bool)> {
    let (file, problems) = (Arc::from(Path::new("text.yaml")), Problems::default());
    let environment = |name: &str| match name {
        "COMPRESS" => None,
        _ => Some("8".to_owned()),
    };
    let tree = raw::parse(&file, text, &environment, &problems)?;
    Draft::default().read(&tree, &problems);
    let keep = |name: &str| Some(format!("${{{name}}}"));
    let tree = raw::parse(&file, text, &keep, &Problems::default())?;
    let valid = validator().is_valid(&value(&tree)?);
    Some((!problems.has_errors(), valid))
}

fn validator() -> &'static Validator {
    static VALIDATOR: LazyLock<Validator> =
        LazyLock::new(|| jsonschema::validator_for(&schema()).unwrap());
    &VALIDATOR
}

fn yaml_files(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

/// What an editor sees: variables stay as they are. Nothing if it is no sound YAML.
fn as_written(path: &Path) -> Option<Value> {
    let (file, problems) = (Arc::from(path), Problems::default());
    let text = fs::read_to_string(path).unwrap();
    let keep = |name: &str| Some(format!("${{{name}}}"));
    let tree = raw::parse(&file, &text, &keep, &problems)?;
    value(&tree)
}

fn value(node: &Node) -> Option<Value> {
    Some(match &node.value {
        raw::Value::Null => Value::Null,
        raw::Value::Bool(flag) => Value::from(*flag),
        raw::Value::Int(number) => Value::from(*number),
        raw::Value::Float(number) => Value::from(*number),
        raw::Value::Text(text) => Value::from(text.as_str()),
        raw::Value::List(items) => Value::Array(items.iter().map(value).collect::<Option<_>>()?),
        raw::Value::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|entry| Some((entry.key.clone(), value(&entry.node)?)))
                .collect::<Option<_>>()?,
        ),
        raw::Value::Unreadable => return None,
    })
}
