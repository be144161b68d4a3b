//! When a request goes to another server, and when never.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::harness::{Certificates, Message, Origin, Proxy, Reply, Wire, free_port};

/// Reads each request whole, then resets its connection.
async fn resetting() -> Origin {
    Origin::scripted(|request, mut wire| async move {
        let _ = wire.read_request_body(&request).await; // the proxy may leave first
        wire.reset();
        None
    })
    .await
}

/// How many requests two origins got together.
fn requests(origins: &[&Origin]) -> usize {
    origins.iter().map(|origin| origin.requests().len()).sum()
}

#[tokio::test]
async fn a_get_whose_connection_is_reset_is_answered_by_another_server() {
    let (bad, good) = (resetting().await, Origin::saying("good").await);
    let proxy = Proxy::in_front_of(&[&bad, &good]).await;
    let mut client = proxy.client().await;
    for nth in 0..6 {
        assert_eq!(client.get(&format!("/{nth}")).await.text(), "good");
    }
    assert!(!bad.requests().is_empty());
    assert_eq!(good.requests().len(), 6);
    let line = proxy.logged(|line| line["retries"] == 1).await;
    assert_eq!(line["server"], good.to_string());
    let retries = bad.requests().len() as u64;
    let labels = [("upstream", "web")];
    proxy
        .await_metric("simplon_retries_total", &labels, retries)
        .await;
}

#[tokio::test]
async fn a_post_whose_bytes_have_left_is_never_sent_twice() {
    let (a, b) = (resetting().await, resetting().await);
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    for body in [&b"once"[..], b""] {
        let before = requests(&[&a, &b]);
        let lines: &[&str] = if body.is_empty() {
            &["content-length: 0"]
        } else {
            &[]
        };
        let answer = proxy.client().await.ask("POST", "/pay", lines, body).await;
        assert_eq!(answer.status(), 502);
        assert_eq!(requests(&[&a, &b]), before + 1, "{} bytes", body.len());
    }
}

#[tokio::test]
async fn a_post_on_a_kept_connection_that_dies_is_never_sent_twice() {
    // The second request of each connection is read and its connection reset.
    let origin = || {
        Origin::scripted(|request, mut wire| async move {
            let _ = wire.read_request_body(&request).await;
            if request.method() == "POST" {
                wire.reset();
                return None;
            }
            Reply::ok("first").write(wire, "GET").await.unwrap_or(None)
        })
    };
    let (a, b) = (origin().await, origin().await);
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    let mut client = proxy.client().await;
    for _ in 0..4 {
        assert_eq!(client.get("/warm").await.status(), 200);
    }
    assert_eq!(client.ask("POST", "/pay", &[], b"once").await.status(), 502);
    assert_eq!(a.count("/pay") + b.count("/pay"), 1);
}

#[tokio::test]
async fn a_put_is_sent_again_with_its_whole_body() {
    let (bad, good) = (resetting().await, Origin::saying("good").await);
    let proxy = Proxy::in_front_of(&[&bad, &good]).await;
    let mut client = proxy.client().await;
    for nth in 0..4 {
        let body = format!("body number {nth}");
        let answer = client
            .ask("PUT", &format!("/{nth}"), &[], body.as_bytes())
            .await;
        assert_eq!(answer.text(), "good");
        assert_eq!(good.requests()[nth].text(), body);
    }
    assert!(!bad.requests().is_empty());
}

#[tokio::test]
async fn a_post_that_could_not_connect_goes_to_another_server() {
    let good = Origin::saying("good").await;
    let text = format!(
        "
        upstreams: {{ web: {{ servers: [127.0.0.1:{}, $1] }} }}
        routes: [{{ upstream: web }}]
        ",
        free_port()
    );
    let proxy = Proxy::with(&text, &[&good]).await;
    let mut client = proxy.client().await;
    for nth in 0..6 {
        let body = format!("body {nth}");
        let answer = client.ask("POST", "/", &[], body.as_bytes()).await;
        assert_eq!(answer.text(), "good");
        assert_eq!(good.requests()[nth].text(), body);
    }
}

#[tokio::test]
async fn no_server_is_asked_twice_for_one_request() {
    let origins = [
        resetting().await,
        resetting().await,
        resetting().await,
        resetting().await,
    ];
    let text = "
        upstreams:
          web: { servers: [$1, $2, $3, $4], retries: { attempts: 9 }, passive: { failures: 1000 } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &origins.iter().collect::<Vec<_>>()).await;
    for target in ["/a", "/b"] {
        let answer = proxy.get(target).await;
        // After the fourth, none is left that was not asked.
        assert!(matches!(answer.status(), 502 | 503), "{}", answer.start);
        for origin in &origins {
            assert_eq!(origin.count(target), 1);
        }
    }
}

#[tokio::test]
async fn retries_end_after_attempts() {
    let origins = [resetting().await, resetting().await, resetting().await];
    let text = "
        upstreams: { web: { servers: [$1, $2, $3], retries: { attempts: 1 } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &origins.iter().collect::<Vec<_>>()).await;
    assert_eq!(proxy.get("/").await.status(), 502);
    assert_eq!(requests(&origins.iter().collect::<Vec<_>>()), 2);
}

#[tokio::test]
async fn a_status_is_tried_again_only_if_the_upstream_says_so() {
    for (on, expected) in [
        ("[connect, reset, 503]", [200, 200]),
        ("[connect, reset]", [200, 503]),
    ] {
        let bad = Origin::answering(|_| Reply::new(503, "not now")).await;
        let good = Origin::saying("good").await;
        let text = format!(
            "
            upstreams: {{ web: {{ servers: [$1, $2], retries: {{ on: {on} }} }} }}
            routes: [{{ upstream: web }}]
            "
        );
        let proxy = Proxy::with(&text, &[&bad, &good]).await;
        let mut client = proxy.client().await;
        let mut statuses = [
            client.get("/").await.status(),
            client.get("/").await.status(),
        ];
        statuses.sort_unstable();
        assert_eq!(statuses, expected, "{on}");
        assert_eq!(bad.requests().len(), 1, "{on}");
        // A POST is answered by whom it reached.
        for _ in 0..2 {
            let answer = client.ask("POST", "/", &[], b"x").await;
            assert_eq!(answer.text() == "not now", answer.status() == 503);
        }
        assert_eq!(bad.requests().len(), 2, "{on}");
    }
}

#[tokio::test]
async fn a_status_of_the_last_server_is_the_clients_answer() {
    let origin =
        Origin::answering(|_| Reply::new(503, "come back later").with("retry-after: 77")).await;
    let text = "
        upstreams: { web: { servers: [$1], retries: { on: [503] } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let answer = proxy.get("/").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text(), "come back later");
    assert_eq!(answer.field("retry-after"), Some("77"));
}

#[tokio::test]
async fn retries_turned_off_leave_the_first_failure_standing() {
    let (bad, good) = (resetting().await, Origin::saying("good").await);
    let text = "
        upstreams: { web: { servers: [$1, $2], retries: { attempts: 0 } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&bad, &good]).await;
    let mut client = proxy.client().await;
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(proxy.get("/").await.status());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502]);
    assert_eq!(
        client.get("/").await.status() == 200,
        good.requests().len() == 2
    );
}

#[tokio::test]
async fn a_budget_of_nothing_allows_no_retry() {
    let (bad, good) = (resetting().await, Origin::saying("good").await);
    let text = "
        upstreams: { web: { servers: [$1, $2], retries: { budget: 0% } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&bad, &good]).await;
    let mut statuses = [
        proxy.get("/a").await.status(),
        proxy.get("/b").await.status(),
    ];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502]);
}

/// Answers the first request of each connection, and closes it as soon as the next one is there.
async fn answer_once(request: Message, mut wire: Wire) -> Option<Wire> {
    let _ = wire.read_request_body(&request).await; // the proxy may leave first
    let mut wire = Reply::ok("once").write(wire, "GET").await.ok()??;
    wire.awaits_more().await;
    if request.target() == "/reset" {
        wire.reset();
    }
    None
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closes_costs_no_request_and_counts_as_no_failure() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]);
    let table = [
        (Origin::scripted(answer_once).await, "false"),
        (
            Origin::scripted_with_tls(&handshake, answer_once).await,
            "{ ca: ca.pem }",
        ),
    ];
    for (origin, tls) in table {
        let directory = tempfile::tempdir().unwrap();
        authority.write_authority(&directory.path().join("ca.pem"));
        // Not a retry either: there would be none.
        let text = format!(
            "
            upstreams: {{ web: {{ servers: [$1], tls: {tls}, retries: {{ attempts: 0 }} }} }}
            routes: [{{ upstream: web }}]
            "
        );
        let proxy = Proxy::in_directory(directory, &text, &[&origin]).await;
        let mut client = proxy.client().await;
        for nth in 1..=4 {
            for path in ["/", "/reset"] {
                let answer = client.get(path).await;
                assert_eq!((answer.status(), answer.text()), (200, "once"), "{tls}");
                let answer = client.ask("PUT", path, &[], b"again").await;
                assert_eq!(answer.status(), 200, "{tls}");
            }
            assert_eq!(origin.connections(), 4 * nth, "one for each request");
        }
        assert_eq!(client.ask("POST", "/pay", &[], b"once").await.status(), 200);
        let answer = client.ask("POST", "/pay", &[], b"twice").await;
        assert_eq!(answer.status(), 502, "{tls}");
        assert_eq!(origin.count("/pay"), 1, "{tls}");
        let reset = [("kind", "reset")];
        let failures = proxy.metric("simplon_server_failures_total", &reset).await;
        assert_eq!(failures, Some(1), "the POST alone, {tls}");
        let retries = proxy.metric("simplon_retries_total", &[]).await;
        assert_eq!(retries, Some(0), "{tls}");
    }
}

#[tokio::test]
async fn a_server_is_asked_again_once_and_then_another() {
    // Once it has answered, it closes every connection as soon as it is asked.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let bad = Origin::scripted(move |_, wire| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let reply = first.then(|| Reply::ok("bad").write(wire, "GET"));
            reply?.await.unwrap_or(None)
        }
    })
    .await;
    let good = Origin::saying("good").await;
    let proxy = Proxy::in_front_of(&[&bad, &good]).await;
    let mut client = proxy.client().await;
    let mut answers = [client.get("/").await, client.get("/").await];
    answers.sort_by_key(|answer| answer.text().to_owned());
    assert_eq!(
        answers.map(|answer| answer.text().to_owned()),
        ["bad", "good"]
    );
    for _ in 0..2 {
        assert_eq!(client.get("/again").await.text(), "good");
    }
    assert_eq!(bad.count("/again"), 2);
}
