//! Out of file descriptors.

use std::time::Instant;

use crate::harness::{Client, Origin, Proxy, Reply, Setup, until};

const TEXT: &str = "
    upstreams: { web: { servers: [$1], health: { tcp: true, interval: 100ms, fall: 1 } } }
    routes: [{ upstream: web }]
";

/// More clients than there are descriptors; those beyond wait in the kernel.
async fn crowd(proxy: &Proxy) -> Vec<Client> {
    let mut crowd = Vec::new();
    for _ in 0..150 {
        crowd.push(proxy.client().await);
    }
    proxy.errors().await_line("cannot accept connections").await;
    crowd
}

async fn server_closing_each_connection() -> Origin {
    Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(std::time::Duration::from_secs(2)),
        _ => Reply::ok("hello").with("connection: close"),
    })
    .await
}

#[tokio::test]
async fn without_descriptors_who_is_inside_is_served_and_others_are_when_there_are_some_again() {
    let origin = server_closing_each_connection().await;
    let setup = Setup::of(TEXT).before(&[&origin]);
    let proxy = setup.after("ulimit -n 70").start().await;
    let (mut busy, mut asking) = (proxy.client().await, proxy.client().await);
    assert_eq!(asking.get("/").await.status(), 200);
    busy.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    origin.await_count("/slow", 1).await;
    let started = Instant::now();
    let crowd = crowd(&proxy).await;

    // No server can be reached, which is no fault of the server's; but for a moment in which a check ends.
    let mut page = asking.get("/").await;
    while page.status() == 200 {
        page = asking.get("/").await;
    }
    assert_eq!((page.status(), page.has("retry-after")), (503, true));
    let line = proxy.logged(|line| line["status"] == 503).await;
    assert_eq!(line["refusal"], "exhausted");
    // What is under way goes on.
    let slow = busy.response().await;
    assert_eq!((slow.status(), slow.text()), (200, "slow"));

    // One line of the log a second at most, whoever runs out.
    until("it has gone on for a while", async || {
        started.elapsed().as_secs() >= 4
    })
    .await;
    let lines = proxy.errors().lines();
    let told = lines.iter().filter(|line| line.contains("cannot ")).count();
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!((1..=seconds + 2).contains(&told), "{told} in {seconds} s");

    drop(crowd);
    until("there is room again", async || {
        let answer = proxy.client().await.try_ask("GET", "/", &[], b"").await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    assert!(!proxy.errors().has("is down"));
    for reason in ["accept_error", "relief"] {
        let labels = [("listener", "http"), ("reason", reason)];
        let name = "simplon_connections_refused_total";
        assert!(proxy.metric(name, &labels).await > Some(0), "{reason}");
    }
}

#[tokio::test]
async fn idle_connections_make_room_for_who_waits() {
    let origin = Origin::saying("hello").await;
    let setup = Setup::of(TEXT).before(&[&origin]);
    let proxy = setup.after("ulimit -n 70").start().await;
    // They stay, say nothing, and would for a long time yet.
    let _crowd = crowd(&proxy).await;
    let mut late = proxy.client().await;
    let answer = late.try_ask("GET", "/", &[], b"").await;
    // In its turn it is let in; whether a server can be reached then is another question.
    assert!(matches!(answer.unwrap().status(), 200 | 503));
}

#[tokio::test]
async fn the_soft_limit_is_raised_and_too_low_a_hard_one_is_told_of() {
    let text = |connections| {
        format!(
            "
            workers: 1
            listeners: {{ http: {{ bind: 127.0.0.1:$http, limits: {{ connections: {connections} }} }} }}
            upstreams: {{ web: {{ servers: [127.0.0.1:1] }} }}
            routes: [{{ upstream: web }}]
            "
        )
    };
    for (connections, is_enough) in [(397, true), (398, false)] {
        let setup = Setup::of(&text(connections)).after("ulimit -S -n 64; ulimit -H -n 1000");
        let proxy = setup.start().await;
        assert_eq!(proxy.metric("process_max_fds", &[]).await, Some(1000));
        let told = proxy
            .errors()
            .has("1000 file descriptors are not enough for all the connections that `limits` let in: those need at least 1001");
        assert_eq!(told, !is_enough, "{connections}");
    }
}
