//! The commands as people use them.

use std::process::Stdio;

use crate::harness::{Client, Origin, Proxy, command, free_port, simplon, until};

/// A directory with these files; `simplon.yaml` is the configuration.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

const GOOD: &str =
    "listeners: { http: { bind: 127.0.0.1:8080 } }\nroutes: [{ respond: { body: hi } }]\n";
const BAD: &str = "listeners: { http: { bind: 127.0.0.1:8080 } }
upstreams: { api: { servers: [127.0.0.1:8000] } }
routes:
  - { path: /api, upstream: ap }
  - { path: /x, respond: { status: 99 } }
";

#[tokio::test]
async fn help_shows_examples() {
    let help = simplon("--help").await;
    assert_eq!(help.code, Some(0));
    assert!(
        help.output
            .contains("simplon run --from :8080 --to 127.0.0.1:3000"),
        "{}",
        help.output
    );
    for command in [
        "run", "check", "reload", "cert", "up", "ready", "drain", "maint", "weight", "status",
    ] {
        assert!(
            help.output.contains(&format!("\n  {command} ")),
            "{command}"
        );
        let help = simplon(&format!("{command} --help")).await;
        assert_eq!(help.code, Some(0), "{command}");
        assert!(help.output.contains("Usage:"), "{command}");
    }
    let help = simplon("run --help").await;
    assert!(help.output.contains("Examples:"), "{}", help.output);
}

#[tokio::test]
async fn a_command_line_that_is_not_understood_is_status_2() {
    for line in [
        "",
        "bake",
        "run --from :8080",
        "run -c a --from :1 --to b:2",
        "check --format xml",
    ] {
        let ended = simplon(line).await;
        assert_eq!(ended.code, Some(2), "{line}: {}", ended.errors);
        assert!(!ended.errors.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn check_finds_a_good_configuration_good() {
    let place = directory(&[("simplon.yaml", GOOD)]);
    let file = place.path().join("simplon.yaml");
    let ended = simplon(&format!("check -c {}", file.display())).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(ended.output.contains("is good"), "{}", ended.output);
    let ended = simplon(&format!("check -c {} --format json", file.display())).await;
    assert_eq!(ended.code, Some(0));
    let problems: serde_json::Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(problems, serde_json::json!([]));
}

#[tokio::test]
async fn check_shows_every_problem_with_its_place_and_a_hint() {
    let place = directory(&[("simplon.yaml", BAD)]);
    let file = place.path().join("simplon.yaml");
    let ended = simplon(&format!("check -c {}", file.display())).await;
    assert_eq!(ended.code, Some(2));
    for words in [
        "simplon.yaml:4:29",
        "upstream: ap",
        "^^",
        "did you mean \"api\"?",
        "simplon.yaml:5:",
    ] {
        assert!(ended.errors.contains(words), "{words}: {}", ended.errors);
    }
    let ended = simplon(&format!("check -c {} --format json", file.display())).await;
    assert_eq!(ended.code, Some(2));
    let problems: serde_json::Value = serde_json::from_str(&ended.output).unwrap();
    let errors = problems
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["severity"] == "error");
    let lines: Vec<_> = errors
        .map(|problem| problem["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [4, 5]);
}

#[tokio::test]
async fn check_finds_what_is_wrong_with_the_world_too() {
    let text = "listeners: { https: { bind: 127.0.0.1:8443, tls: modern } }
certificates: [{ hosts: [a.test], chain: missing.pem, key: missing.key }]
routes: [{ respond: { body: hi } }]
";
    let place = directory(&[("simplon.yaml", text)]);
    let ended = simplon(&format!(
        "check -c {}",
        place.path().join("simplon.yaml").display()
    ))
    .await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.errors.contains("simplon.yaml:2:") && ended.errors.contains("missing.pem"),
        "{}",
        ended.errors
    );
}

#[tokio::test]
async fn run_refuses_a_bad_configuration_as_check_does() {
    let place = directory(&[("simplon.yaml", BAD)]);
    let ended = simplon(&format!(
        "run -c {}",
        place.path().join("simplon.yaml").display()
    ))
    .await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.errors.contains("simplon.yaml:4:29"),
        "{}",
        ended.errors
    );
    let ended = simplon(&format!(
        "run -c {}",
        place.path().join("nowhere.yaml").display()
    ))
    .await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("nowhere.yaml"), "{}", ended.errors);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_a_hint() {
    let port = free_port();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let text = format!(
        "listeners: {{ http: {{ bind: 127.0.0.1:{port} }} }}\nadmin: {{ bind: 127.0.0.1:{} }}\nroutes: [{{ respond: {{ body: hi }} }}]\n",
        free_port()
    );
    let place = directory(&[("simplon.yaml", &text)]);
    let ended = simplon(&format!(
        "run -c {}",
        place.path().join("simplon.yaml").display()
    ))
    .await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .errors
            .contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{}",
        ended.errors
    );
    assert!(
        ended.errors.contains("another process uses this port"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("hint:"), "{}", ended.errors);
}

#[tokio::test]
async fn two_addresses_make_a_proxy_without_a_file() {
    let origin = Origin::saying("hello").await;
    // The second finds the usual port of the stats page taken, and takes another.
    let ports = [free_port(), free_port()];
    let _running = ports.map(|port| {
        command::binary()
            .args(["run", "--from", &format!("127.0.0.1:{port}")])
            .args(["--to", &origin.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    });
    for port in ports {
        until("it listens", async || {
            Client::try_connect(port).await.is_ok()
        })
        .await;
        let answer = Client::connect(port).await.get("/a?b").await;
        assert_eq!(answer.text(), "hello");
    }
    assert_eq!(origin.count("/a?b"), 2);
}

#[tokio::test]
async fn addresses_that_are_none_are_named_by_their_option() {
    let ended = simplon("run --from 8080 --to http://localhost:3000/").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.errors.contains("--from") && ended.errors.contains("--to"),
        "{}",
        ended.errors
    );
}

#[tokio::test]
async fn reload_without_a_running_process_says_so() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("control.sock");
    let ended = simplon(&format!("reload --control {}", socket.display())).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("no simplon runs"), "{}", ended.errors);
}

#[tokio::test]
async fn the_access_log_never_holds_secrets() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let lines = [
        "authorization: Bearer SECRET1",
        "cookie: session=SECRET2",
        "proxy-authorization: Basic SECRET3",
        "referer: https://example.ch/page?token=SECRET4",
        "user-agent: test/1",
    ];
    let answer = proxy
        .client()
        .await
        .ask("POST", "/login?password=SECRET5", &lines, b"SECRET6")
        .await;
    proxy
        .client()
        .await
        .ask("GET", "/nowhere%2f?password=SECRET5", &lines, b"")
        .await;
    proxy
        .client()
        .await
        .ask("GET", "/?password=SECRET5", &["no-colon"], b"")
        .await;
    until("all are logged", async || proxy.access_log().len() == 3).await;
    let line = proxy
        .logged(|line| line["request_id"] == answer.request_id())
        .await;
    assert_eq!(
        (&line["path"], &line["method"]),
        (&"/login".into(), &"POST".into())
    );
    assert_eq!(line["user_agent"], "test/1");
    let log = proxy.output().lines().join("\n") + &proxy.errors().lines().join("\n");
    assert!(!log.contains("SECRET"), "{log}");
}

#[tokio::test]
async fn the_access_log_tells_the_whole_exchange() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    proxy
        .client()
        .await
        .ask("POST", "/a/../b", &["host: Example.ch:80"], b"four")
        .await;
    let line = proxy.logged(|_| true).await;
    for (field, value) in [
        ("client", "127.0.0.1".into()),
        ("listener", "http".into()),
        ("method", "POST".into()),
        ("host", "example.ch".into()),
        ("protocol", "HTTP/1.1".into()),
        ("status", 200.into()),
        ("bytes_in", 4.into()),
        ("bytes_out", 5.into()),
        ("route", "*/".into()),
        ("upstream", "web".into()),
        ("server", origin.to_string().into()),
        ("retries", 0.into()),
        ("refusal", serde_json::Value::Null),
        ("tls", serde_json::Value::Null),
        ("upgraded", false.into()),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    for timer in [
        "t_queue_ms",
        "t_connect_ms",
        "t_first_byte_ms",
        "t_total_ms",
    ] {
        assert!(line[timer].is_number(), "{timer}: {line}");
    }
}
