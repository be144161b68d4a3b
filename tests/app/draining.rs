//! How the server ends.

use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::json;

use crate::server::Server;

#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start();
        let mut client = server.client();
        client.send("GET", "/api/echo?delay_ms=1000", &[], b"");
        server.await_in_flight(1);

        server.send(signal);
        server.await_line("no longer accepting");
        assert!(
            TcpStream::connect(&server.address).is_err(),
            "{signal:?}: new connections are refused"
        );

        let response = client.receive("GET");
        assert_eq!(
            (response.status, response.header("connection")),
            (200, Some("close")),
            "{signal:?}"
        );
        assert!(client.read_to_end().is_empty(), "{signal:?}");
        assert_eq!(server.await_exit().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn an_idle_connection_is_closed_and_does_not_hold_up_the_end() {
    let mut server = Server::start_with(&["--drain-timeout", "24h"]);
    let mut used = server.client();
    assert_eq!(used.get("/api/health/live", &[]).status, 200);
    let mut fresh = server.client();
    server.send(Signal::TERM);
    assert!(used.read_to_end().is_empty());
    assert!(fresh.read_to_end().is_empty());
    assert_eq!(server.await_exit().code(), Some(0));
}

#[test]
fn readiness_is_red_for_the_drain_delay_while_requests_are_still_answered() {
    let mut server = Server::start_with(&["--drain-delay", "24h"]);
    server.send(Signal::TERM);
    server.await_line("draining");
    let ready = server.get("/api/health/ready");
    assert_eq!(ready.status, 503);
    assert_eq!(
        ready.json(),
        json!({"status": "unavailable", "reason": "the server is draining"})
    );
    assert_eq!(server.get("/api/health/live").status, 200);
    assert_eq!(server.get("/").status, 200);

    server.send(Signal::TERM);
    assert_eq!(
        server.await_exit().code(),
        Some(1),
        "a second signal ends it at once"
    );
}

#[test]
fn what_outlasts_the_drain_timeout_is_cut_off() {
    let mut server = Server::start_with(&["--drain-timeout", "0s"]);
    let mut client = server.client();
    client.send("GET", "/api/echo?delay_ms=10000", &[], b"");
    server.await_in_flight(1);
    server.send(Signal::TERM);
    server.await_line("are cut off");
    assert_eq!(server.await_exit().code(), Some(0));
    assert!(client.read_to_end().is_empty());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start_with(&["--drain-timeout", "24h"]);
    let mut client = server.client();
    client.send("GET", "/api/echo?delay_ms=10000", &[], b"");
    server.await_in_flight(1);
    server.send(Signal::INT);
    server.await_line("no longer accepting");
    server.send(Signal::INT);
    assert_eq!(server.await_exit().code(), Some(1));
    assert!(client.read_to_end().is_empty());
}
