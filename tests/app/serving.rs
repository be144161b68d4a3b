//! Requests and their responses.

use serde_json::json;

use crate::server::Server;

#[test]
fn health_is_good_and_says_who_answered() {
    let server = Server::start();
    for question in ["live", "ready", "startup"] {
        let response = server.get(&format!("/api/health/{question}"));
        assert_eq!(response.status, 200, "{question}");
        assert_eq!(response.json(), json!({"status": "ok"}), "{question}");
        assert_eq!(response.header("server"), Some("simplon-app"));
        assert_eq!(
            response.header("x-served-by"),
            Some(server.address.as_str())
        );
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn readiness_turns_red_when_data_cannot_be_written_and_green_again() {
    let server = Server::start();
    let data = server.data.path().join("data");
    std::fs::remove_dir(&data).unwrap();
    server.await_line("not ready: ");
    let ready = server.get("/api/health/ready");
    assert_eq!(ready.status, 503);
    let reason = ready.json()["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.starts_with(&format!("cannot write to {}: ", data.display())),
        "{reason}"
    );
    assert_eq!(server.get("/api/health/live").status, 200);

    std::fs::create_dir(&data).unwrap();
    server.await_line("the data directory can be written again");
    assert_eq!(server.get("/api/health/ready").status, 200);
}

#[test]
fn echo_tells_what_the_server_saw() {
    let server = Server::start();
    let mut client = server.client();
    let peer = client.local.unwrap().to_string();
    let response = client.ask(
        "PUT",
        "/api/echo?status=207&a=%20",
        &["X-Two: 1", "X-Two: 2"],
        "grüezi".as_bytes(),
    );
    assert_eq!(response.status, 207);
    let expected = json!({
        "method": "PUT", "path": "/api/echo", "query": "status=207&a=%20",
        "headers": [["host", "test"], ["x-two", "1"], ["x-two", "2"], ["content-length", "7"]],
        "peer": peer, "body_length": 7, "body": "grüezi",
    });
    assert_eq!(response.json(), expected);
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let server = Server::start();
    let mut client = server.client();
    for status in [200, 204, 304, 500, 200] {
        assert_eq!(
            client
                .get(&format!("/api/echo?status={status}"), &[])
                .status,
            status
        );
    }
}

#[test]
fn an_unknown_path_of_the_api_is_a_problem_in_json() {
    let server = Server::start();
    let response = server.get("/api/patients");
    assert_eq!(response.status, 404);
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(response.json()["status"], 404);
}

#[test]
fn an_address_of_the_application_is_the_page_and_a_missing_file_is_not() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Served by Simplon"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    for path in ["/patients/42", "/index.html", "/../../etc/passwd"] {
        assert_eq!(server.get(path).body, page.body, "{path}");
    }
    for path in ["/app.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_head_request_has_the_header_of_a_get_and_no_body() {
    let server = Server::start();
    let mut client = server.client();
    let get = client.get("/", &["Accept-Encoding: br"]);
    let head = client.ask("HEAD", "/", &["Accept-Encoding: br"], b"");
    for name in [
        "content-length",
        "content-type",
        "content-encoding",
        "etag",
        "cache-control",
        "vary",
    ] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
    // Had the HEAD a body, it would be taken for the next response.
    assert_eq!(client.get("/api/health/live", &[]).status, 200);
}

#[test]
fn other_methods_on_the_front_end_are_told_what_is_allowed() {
    let response = Server::start().client().ask("POST", "/", &[], b"x=1");
    assert_eq!(
        (response.status, response.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn metrics_are_on_their_own_port_and_nowhere_else() {
    let server = Server::start();
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.get("/api/echo?status=503").status, 503);
    assert_eq!(server.get("/gone.css").status, 404);
    let response = server.get_metrics("/metrics");
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in [
        "simplon_app_requests_total{route=\"front\",status=\"2xx\"} 1",
        "simplon_app_requests_total{route=\"api_echo\",status=\"5xx\"} 1",
        "simplon_app_requests_total{route=\"not_found\",status=\"4xx\"} 1",
        "simplon_app_requests_total{route=\"api_health\",status=\"2xx\"} 0",
        "simplon_app_request_duration_seconds_count{route=\"front\"} 1",
        "simplon_app_requests_in_flight 0",
        "simplon_app_build_info{version=",
    ] {
        assert!(
            response.text().contains(line),
            "{line} is not in\n{}",
            response.text()
        );
    }
    assert!(!server.get("/metrics").text().contains("simplon_app_"));
    assert_eq!(server.get_metrics("/").status, 404);
}
