//! What `basic_auth` and `forward_auth` mean: every default, and every key.

use std::{path::Path, time::Duration};

use super::defaults::LEAST;
use crate::config::{
    Config, load_with,
    model::{Admin, BasicAuth, PathPattern},
};

/// A configuration whose one route says this, where `defaults` says that.
fn load(directory: &Path, of_defaults: &str, of_route: &str) -> Config {
    let path = directory.join("a.yaml");
    let text = format!(
        "
listeners: {{ http: {{ bind: '127.0.0.1:8080' }} }}
upstreams: {{ app: {{ servers: [127.0.0.1:3000] }}, auth: {{ servers: [127.0.0.1:9000] }} }}
defaults: {{ {of_defaults} }}
routes: [{{ path: /a, upstream: auth }}, {{ upstream: app, {of_route} }}]
"
    );
    std::fs::write(&path, text).unwrap();
    let loaded = load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    loaded.config
}

#[test]
fn basic_auth_has_the_documented_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let config = load(directory.path(), "", "basic_auth: { users: who }");
    let basic_auth = config.routes[1].policies.basic_auth.as_deref().unwrap();
    assert_eq!(basic_auth.users.value, directory.path().join("who"));
    assert_eq!(&*basic_auth.realm, "restricted");
    assert_eq!(basic_auth.failures.count.get(), 10);
    assert_eq!(basic_auth.failures.within, Duration::from_secs(60));
    assert_eq!(basic_auth.pass_user, "x-forwarded-user");
    assert!(!basic_auth.pass_authorization);
}

#[test]
fn the_keys_of_basic_auth_reach_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let text = "basic_auth: { users: /etc/who, realm: 'the \"lab\"', failures: 3/10m, pass_user: Remote-User, pass_authorization: true }";
    let config = load(directory.path(), "", text);
    let found = config.routes[1].policies.basic_auth.as_deref().unwrap();
    let BasicAuth {
        users,
        realm,
        failures,
        pass_user,
        pass_authorization,
    } = found;
    assert_eq!(users.value, Path::new("/etc/who"));
    assert_eq!(&**realm, "the \"lab\"");
    assert_eq!((failures.count.get(), failures.within.as_secs()), (3, 600));
    assert_eq!(
        (pass_user.as_str(), *pass_authorization),
        ("remote-user", true)
    );
}

#[test]
fn forward_auth_is_short_or_whole() {
    let directory = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        load(directory.path(), "", text).routes[1]
            .policies
            .forward_auth
            .clone()
            .unwrap()
    };
    let short = load("forward_auth: { upstream: auth, path: '/verify?rd=https://a.test/' }");
    assert_eq!(&*short.upstream.value, "auth");
    assert_eq!(&*short.path, "/verify?rd=https://a.test/");
    assert_eq!(short.request_headers, None);
    assert!(short.copy_headers.is_empty() && short.copy_cookies.is_empty());
    assert_eq!(short.timeout, Duration::from_secs(5));
    let whole = load(
        "forward_auth: { upstream: auth, path: /, request_headers: [], copy_headers: [Remote-User, Authorization], copy_cookies: Session, timeout: 1500ms }",
    );
    assert_eq!(whole.request_headers.as_deref(), Some(&[][..]));
    let copied: Vec<_> = whole
        .copy_headers
        .iter()
        .map(http::HeaderName::as_str)
        .collect();
    assert_eq!(copied, ["remote-user", "authorization"]);
    assert_eq!(*whole.copy_cookies, [Box::<str>::from("Session")]);
    assert_eq!(whole.timeout, Duration::from_millis(1500));
}

#[test]
fn what_a_route_says_takes_the_place_of_what_the_defaults_say() {
    let directory = tempfile::tempdir().unwrap();
    let policies = |of_route: &str| {
        let of_defaults = "basic_auth: { users: a }, forward_auth: { upstream: auth, path: /a }";
        load(directory.path(), of_defaults, of_route).routes[1]
            .policies
            .clone()
    };
    let taken = policies("");
    assert!(taken.basic_auth.unwrap().users.value.ends_with("a"));
    assert_eq!(&*taken.forward_auth.unwrap().path, "/a");
    let off = policies("basic_auth: false, forward_auth: false");
    assert!(off.basic_auth.is_none() && off.forward_auth.is_none());
    let own = policies("basic_auth: { users: b }, forward_auth: { upstream: auth, path: /b }");
    assert!(own.basic_auth.unwrap().users.value.ends_with("b"));
    assert_eq!(&*own.forward_auth.unwrap().path, "/b");
}

#[test]
fn users_of_the_page_are_a_file_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let load = |admin: &str| {
        let path = directory.path().join("a.yaml");
        std::fs::write(&path, format!("{LEAST}admin: {{ {admin} }}\n")).unwrap();
        let loaded = load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
        (loaded.config.admin, loaded.warnings.summary())
    };
    assert_eq!(load("").0, Admin::default());
    assert!(Admin::default().users.is_none());
    for (text, bind) in [
        ("users: who", "127.0.0.1:8404"),
        ("users: who, bind: '[::1]:9404'", "[::1]:9404"),
        ("users: who, bind: 10.0.0.1:8404", "10.0.0.1:8404"),
    ] {
        let (admin, warnings) = load(text);
        assert_eq!(admin.bind.to_string(), bind);
        let users = admin.users.unwrap();
        assert_eq!(users.users.value, directory.path().join("who"));
        assert_eq!(&*users.realm, "Simplon");
        assert_eq!(users.failures, BasicAuth::FAILURES);
        assert_eq!(warnings.contains("1 warning"), bind.starts_with("10."));
    }
}

/// A comment in the annotated example, as it names a file that it does not have.
#[test]
fn what_the_annotated_example_says_of_users_of_the_page_is_good() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/simplon.yaml");
    let text = std::fs::read_to_string(example).unwrap();
    let with_users = text.replacen("  # users: admin.htpasswd", "  users: admin.htpasswd", 1);
    assert_ne!(text, with_users);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("simplon.yaml");
    std::fs::write(&path, with_users).unwrap();
    let loaded = load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    let users = loaded.config.admin.users.unwrap();
    assert!(users.users.value.ends_with("admin.htpasswd"));
}

/// Comments, as they name a file and a server that no example has.
#[test]
fn what_the_annotated_example_says_of_logging_in_is_good() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/simplon.yaml");
    let text = std::fs::read_to_string(example).unwrap();
    let (before, after) = text.split_once("  # Who may come in,").unwrap();
    let (section, rest) = after.split_once("\n\n").unwrap();
    let lines = section.lines().skip(1);
    let lines = lines.filter(|line| !line.starts_with("  # Or because"));
    let section: String = lines
        .map(|line| line.replacen("  # ", "  ", 1) + "\n")
        .collect();
    let upstream = "upstreams:\n  login: { servers: [127.0.0.1:9091] }\n";
    let before = before.replacen("upstreams:\n", upstream, 1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("simplon.yaml");
    std::fs::write(&path, format!("{before}{section}\n{rest}")).unwrap();
    let loaded = load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    let policies = |path: &str| {
        let routes = loaded.config.routes.iter();
        let mut routes = routes.filter(|route| route.path == PathPattern::Prefix(path.to_owned()));
        routes.next().unwrap().policies.clone()
    };
    let lab = policies("/lab").basic_auth.unwrap();
    assert_eq!(
        (&*lab.realm, lab.failures.count.get()),
        (BasicAuth::REALM, 10)
    );
    assert_eq!(lab.pass_user, BasicAuth::PASS_USER);
    let office = policies("/office").forward_auth.unwrap();
    assert_eq!(&*office.upstream.value, "login");
    assert_eq!(office.timeout, Duration::from_secs(5));
}
