//! Reload by signal and command: what changes, what stays, and what is lost (nothing).

use std::{fs, time::Duration};

use crate::harness::{Client, Load, Origin, Proxy, Reply, simplon, until};

const TO_FIRST: &str = "
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";
const TO_SECOND: &str = "
    upstreams: { web: { servers: [$2] } }
    routes: [{ upstream: web }]
    ";

async fn two() -> (Origin, Origin) {
    (
        Origin::saying("first").await,
        Origin::saying("second").await,
    )
}

async fn generation(proxy: &Proxy) -> Option<u64> {
    proxy.metric("simplon_config_generation", &[]).await
}

#[tokio::test]
async fn a_good_reload_changes_servers_and_routes() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.text(), "first");
    assert_eq!(generation(&proxy).await, Some(1));
    proxy.rewrite(TO_SECOND);
    proxy.reload().await;
    // A connection from before the reload meets the new routes too.
    assert_eq!(client.get("/").await.text(), "second");
    assert_eq!(generation(&proxy).await, Some(2));
    assert_eq!(
        proxy
            .metric("simplon_config_last_reload_success", &[])
            .await,
        Some(1)
    );
    proxy.rewrite("routes: [{ path: /only, respond: { body: here } }]");
    proxy.reload().await;
    assert_eq!(client.get("/").await.status(), 404);
    assert_eq!(client.get("/only").await.text(), "here");
    assert_eq!(
        proxy
            .errors()
            .await_line("generation 3 is in force")
            .await
            .matches("reloaded")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_good_reload_changes_weights() {
    let (first, second) = two().await;
    let proxy = Proxy::in_front_of(&[&first, &second]).await;
    let mut client = proxy.client().await;
    for _ in 0..6 {
        client.get("/").await;
    }
    assert_eq!((first.count("/"), second.count("/")), (3, 3));
    proxy.rewrite(
        "
        upstreams: { web: { servers: [{ address: $1, weight: 3 }, $2] } }
        routes: [{ upstream: web }]
        ",
    );
    proxy.reload().await;
    for _ in 0..8 {
        client.get("/weighed").await;
    }
    assert_eq!((first.count("/weighed"), second.count("/weighed")), (6, 2));
}

#[tokio::test]
async fn a_bad_reload_changes_nothing_and_says_so() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.text(), "first");
    proxy.rewrite(
        "
        upstreams: { web: { servers: [$2] } }
        routes: [{ upstream: wbe }]
        ",
    );
    proxy.reload_in_vain().await;
    assert_eq!(
        proxy
            .metric("simplon_config_last_reload_success", &[])
            .await,
        Some(0)
    );
    assert_eq!(generation(&proxy).await, Some(1));
    proxy
        .errors()
        .await_line("reload refused, generation 1 stays in force")
        .await;
    proxy.errors().await_line("did you mean \"web\"?").await;
    assert!(proxy.is_ready().await);
    assert_eq!(client.get("/").await.text(), "first");
    assert_eq!(first.connections(), 1);
    assert_eq!(second.connections(), 0);
    // And the next good one is taken.
    proxy.rewrite(TO_SECOND);
    proxy.reload().await;
    assert_eq!(client.get("/").await.text(), "second");
    assert_eq!(
        proxy
            .metric("simplon_config_last_reload_success", &[])
            .await,
        Some(1)
    );
}

#[tokio::test]
async fn the_command_waits_and_its_status_tells_what_came_of_it() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    proxy.rewrite(TO_SECOND);
    let ended = proxy.command("reload").await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(ended.output.contains("generation 2"), "{}", ended.output);
    assert_eq!(proxy.get("/").await.text(), "second");

    proxy.rewrite(
        "
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: wbe }]
        ",
    );
    let control = format!("reload --control {}", proxy.control().display());
    let ended = simplon(&control).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("simplon.yaml:2:"), "{}", ended.errors);
    assert!(
        ended.errors.contains("did you mean \"web\"?"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("stays in force"), "{}", ended.errors);
    assert_eq!(proxy.get("/").await.text(), "second");
}

#[tokio::test]
async fn the_command_finds_the_process_though_the_file_is_broken() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    proxy.rewrite("routes: [{ upstream: web }]");
    let ended = proxy.command("reload").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("simplon.yaml:1:"), "{}", ended.errors);
    assert!(
        !ended.errors.contains("no simplon runs"),
        "{}",
        ended.errors
    );
}

#[tokio::test]
async fn the_control_socket_is_private_and_goes_with_the_process() {
    use std::os::unix::fs::PermissionsExt;

    let mut proxy = Proxy::with("routes: [{ respond: { body: hi } }]", &[]).await;
    let socket = proxy.control();
    assert_eq!(
        fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o600
    );
    proxy.signal(rustix::process::Signal::TERM);
    proxy.ended().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn files_that_are_no_configuration_are_refused() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    let file = proxy.file();
    let whole = fs::read_to_string(&file).unwrap();
    let write = |text: &[u8]| fs::write(&file, text).unwrap();

    write(b"");
    proxy.reload_in_vain().await;
    write(b"# nothing but a comment\n");
    proxy.reload_in_vain().await;
    write(&whole.as_bytes()[..whole.len() / 2]);
    proxy.reload_in_vain().await;
    write(b"\0\xff\xfe\x80 binary \x01");
    proxy.reload_in_vain().await;
    // A hundred megabytes, as a file with a hole.
    fs::File::create(&file).unwrap().set_len(100 << 20).unwrap();
    proxy.reload_in_vain().await;
    fs::write(
        &file,
        "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n",
    )
    .unwrap();
    proxy.reload_in_vain().await;
    fs::write(&file, "[".repeat(100_000)).unwrap();
    proxy.reload_in_vain().await;
    fs::remove_file(&file).unwrap();
    proxy.reload_in_vain().await;
    fs::create_dir(&file).unwrap();
    proxy.reload_in_vain().await;
    fs::remove_dir(&file).unwrap();
    assert_eq!(generation(&proxy).await, Some(1));
    assert_eq!(proxy.get("/").await.text(), "first");
    proxy.rewrite(TO_SECOND);
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.text(), "second");
}

#[tokio::test]
async fn a_hundred_reloads_under_load_lose_no_request() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    let load = Load::on(&proxy, 4);
    load.await_more(20).await;
    for nth in 0..100 {
        proxy.rewrite(if nth % 2 == 0 { TO_SECOND } else { TO_FIRST });
        proxy.reload().await;
    }
    load.await_more(20).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    assert_eq!(generation(&proxy).await, Some(101));
    assert!(first.count("/load") > 0 && second.count("/load") > 0);
}

#[tokio::test]
async fn an_upstream_that_stays_the_same_keeps_its_connections_and_counters() {
    let (first, second) = two().await;
    let text = |nth: usize| {
        format!(
            "
            upstreams:
              web: {{ servers: [$1], health: {{ path: /health, interval: 1h }} }}
            routes:
              - {{ upstream: web }}
              - {{ path: /new{nth}, upstream: web }}
            "
        )
    };
    let proxy = Proxy::with(&text(0), &[&first, &second]).await;
    let labels = [("upstream", "web"), ("server", &*first.to_string())];
    first.await_count("/health", 1).await;
    let after_check = first.connections();
    let mut client = proxy.client().await;
    for _ in 0..5 {
        client.get("/").await;
    }
    for nth in 1..=5 {
        proxy.rewrite(&text(nth));
        proxy.reload().await;
        assert_eq!(client.get("/").await.text(), "first");
    }
    assert_eq!(first.connections(), after_check + 1);
    assert_eq!(first.count("/health"), 1);
    assert_eq!(
        proxy.metric("simplon_server_picks_total", &labels).await,
        Some(10)
    );
    let requests = [("route", "*/"), ("upstream", "web"), ("class", "2xx")];
    proxy
        .await_metric("simplon_requests_total", &requests, 10)
        .await;
}

#[tokio::test]
async fn a_server_that_stays_keeps_its_state_when_others_come_and_go() {
    let (mut first, second) = two().await;
    let text = |servers: &str| {
        format!(
            "
            upstreams:
              web: {{ servers: [{servers}], health: {{ tcp: true, interval: 100ms, rise: 1000, fall: 1 }} }}
            routes: [{{ upstream: web }}]
            "
        )
    };
    let proxy = Proxy::with(&text("$1, $2"), &[&first, &second]).await;
    let labels = [("upstream", "web"), ("server", &*first.to_string())];
    first.stop().await;
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    proxy.rewrite(&text("$2, $1, 127.0.0.1:9"));
    proxy.reload().await;
    assert_eq!(proxy.metric("simplon_server_up", &labels).await, Some(0));
}

#[tokio::test]
async fn a_request_in_flight_ends_as_it_began() {
    let slow = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(Duration::from_millis(500)),
        _ => Reply::ok("first"),
    })
    .await;
    let second = Origin::saying("second").await;
    let proxy = Proxy::with(TO_FIRST, &[&slow, &second]).await;
    let mut client = proxy.client().await;
    client
        .send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    slow.await_count("/slow", 1).await;
    proxy.rewrite(TO_SECOND);
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.text(), "second");
    assert_eq!(client.response().await.text(), "slow");
    assert_eq!(client.get("/").await.text(), "second");
}

#[tokio::test]
async fn a_listener_comes_and_goes_with_a_reload() {
    const ONE: &str = "
        listeners: { http: { bind: 127.0.0.1:$http } }
        routes: [{ respond: { body: hi } }]
        ";
    const BOTH: &str = "
        listeners: { http: { bind: 127.0.0.1:$http }, more: { bind: 127.0.0.1:$other } }
        routes: [{ respond: { body: hi } }]
        ";
    let proxy = Proxy::with(ONE, &[]).await;
    assert!(Client::try_connect(proxy.other()).await.is_err());
    let mut stays = proxy.client().await;
    stays.get("/").await;
    proxy.rewrite(BOTH);
    proxy.reload().await;
    let mut goes = Client::connect(proxy.other()).await;
    assert_eq!(goes.get("/").await.text(), "hi");
    proxy.rewrite(ONE);
    proxy.reload().await;
    until("nobody listens there", async || {
        Client::try_connect(proxy.other()).await.is_err()
    })
    .await;
    goes.expect_end().await;
    assert_eq!(stays.get("/").await.text(), "hi");
}

#[tokio::test]
async fn new_limits_of_a_listener_hold_for_new_connections_without_a_gap() {
    let text = |limit: usize| {
        format!(
            "
            listeners: {{ http: {{ bind: 127.0.0.1:$http, limits: {{ requests_per_connection: {limit} }} }} }}
            routes: [{{ respond: {{ body: hi }} }}]
            "
        )
    };
    let proxy = Proxy::with(&text(1000), &[]).await;
    let mut before = proxy.client().await;
    assert_ne!(before.get("/").await.field("connection"), Some("close"));
    proxy.rewrite(&text(1));
    proxy.reload().await;
    // The idle connection of the old listener is asked to end.
    before.expect_end().await;
    let mut after = proxy.client().await;
    assert_eq!(after.get("/").await.field("connection"), Some("close"));
}

#[tokio::test]
async fn a_listener_that_cannot_be_bound_refuses_the_whole_reload() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", proxy.other())).unwrap();
    proxy.rewrite(
        "
        listeners: { http: { bind: 127.0.0.1:$http }, more: { bind: 127.0.0.1:$other } }
        upstreams: { web: { servers: [$2] } }
        routes: [{ upstream: web }]
        ",
    );
    proxy.reload_in_vain().await;
    proxy
        .errors()
        .await_line("another process uses this port")
        .await;
    assert_eq!(proxy.get("/").await.text(), "first");
}

#[tokio::test]
async fn what_only_a_restart_can_change_refuses_the_reload() {
    let (first, second) = two().await;
    let proxy = Proxy::with(TO_FIRST, &[&first, &second]).await;
    proxy.rewrite(&format!("{TO_SECOND}\n    workers: 7"));
    proxy.reload_in_vain().await;
    proxy
        .errors()
        .await_line("`workers` cannot change while the process runs")
        .await;
    assert_eq!(proxy.get("/").await.text(), "first");
}
