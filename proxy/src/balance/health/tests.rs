//! Health checks against servers that refuse, answer, stay silent and lie.

use std::{net::SocketAddr, num::NonZeroU32};

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::*;
use crate::{
    balance::{Order, Ordered, Server, Tried, sample},
    config::model::{self, Address},
};

/// What a server of these tests does with each connection.
#[derive(Clone, Copy)]
enum Reply {
    Says(&'static str),
    Closes,
    Silent,
}

async fn serve(connection: &mut (impl AsyncRead + AsyncWrite + Unpin), reply: Reply) {
    let mut request = [0; 1024];
    match reply {
        Reply::Says(answer) => {
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
        Reply::Closes => {
            let _ = connection.read(&mut request).await;
        }
        Reply::Silent => std::future::pending().await,
    }
}

/// A server on a free port, for as long as the test runs.
async fn server(reply: Reply) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move { serve(&mut connection, reply).await });
        }
    });
    address
}

/// A port that is ours but refuses connections until it listens.
fn refusing() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn http() -> HealthCheck {
    HealthCheck {
        probe: Probe::Http {
            path: "/ready".to_owned(),
            expect: vec![200..=399],
        },
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        ..sample::check(2, 3)
    }
}

fn tcp() -> HealthCheck {
    HealthCheck {
        probe: Probe::Tcp,
        ..http()
    }
}

fn spec(addresses: &[SocketAddr], health: HealthCheck) -> model::Upstream {
    let mut spec = sample::upstream(&vec![1; addresses.len()]);
    for (server, address) in spec.servers.iter_mut().zip(addresses) {
        server.address = Address::Socket(*address);
    }
    spec.health = Some(health);
    spec
}

fn build(spec: &model::Upstream) -> Arc<Upstream> {
    Upstream::build(spec, None, None, Instant::now())
}

/// Waits until this holds; fails the test if it does not within five seconds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = time::timeout(Duration::from_secs(5), wait).await;
    assert!(waited.is_ok(), "never came true: {what}");
}

fn shows(server: &Server, state: &str) -> bool {
    server.state(Instant::now()).to_string() == state
}

fn told(found: Option<Finding>) -> Option<(Reached, String)> {
    found.map(|finding| (finding.reached, finding.text))
}

#[tokio::test]
async fn a_check_tells_what_it_found_in_plain_words() {
    use Reached::{Answered, BadStatus, Connected, NoAnswer, NotHttp, Unconnected};

    let (_held, refused) = refusing();
    let says = |answer| server(Reply::Says(answer));
    let ok = says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let silent = server(Reply::Silent).await;
    let table = [
        (ok, http(), (Answered, "status 200")),
        (
            says("HTTP/1.0 302 Found\r\n\r\n").await,
            http(),
            (Answered, "status 302"),
        ),
        (
            says("HTTP/1.1 500 Oops\r\n\r\n").await,
            http(),
            (BadStatus, "status 500"),
        ),
        (
            says("SSH-2.0-OpenSSH_9.7\r\n").await,
            http(),
            (NotHttp, "not an HTTP answer"),
        ),
        (
            says("HTTP/1.1 2").await,
            http(),
            (NotHttp, "closed without an answer"),
        ),
        (
            server(Reply::Closes).await,
            http(),
            (NotHttp, "closed without an answer"),
        ),
        (silent, http(), (NoAnswer, "no answer within 500ms")),
        (refused, http(), (Unconnected, "connection refused")),
        (ok, tcp(), (Connected, "connected")),
        (silent, tcp(), (Connected, "connected")),
        (refused, tcp(), (Unconnected, "connection refused")),
    ];
    for (address, check, expected) in table {
        let target = Target::Socket(address);
        let found = ask(&target, &Manner::default(), &address.to_string(), &check).await;
        assert_eq!(told(found), Some((expected.0, expected.1.to_owned())));
    }
}

#[tokio::test]
async fn a_check_reaches_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let ask = |check| {
        let target = Target::Unix(path.as_path().into());
        async move {
            let found = ask(&target, &Manner::default(), "unix:app.sock", &check).await;
            told(found).unwrap()
        }
    };
    assert_eq!(
        ask(http()).await,
        (Reached::Unconnected, "no such socket".to_owned())
    );
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            serve(
                &mut connection,
                Reply::Says("HTTP/1.1 204 No Content\r\n\r\n"),
            )
            .await;
        }
    });
    assert_eq!(
        ask(http()).await,
        (Reached::Answered, "status 204".to_owned())
    );
    assert_eq!(
        ask(tcp()).await,
        (Reached::Connected, "connected".to_owned())
    );
}

#[tokio::test]
async fn a_check_begins_with_a_proxy_header_that_names_no_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for (version, check) in [
        (ProxyVersion::V1, http()),
        (ProxyVersion::V1, tcp()),
        (ProxyVersion::V2, http()),
        (ProxyVersion::V2, tcp()),
    ] {
        let manner = Manner {
            proxy_protocol: Some(version),
            ..Manner::default()
        };
        let hear = async {
            let (mut connection, checker) = listener.accept().await.unwrap();
            let mut heard = vec![0; 16];
            connection.read_exact(&mut heard).await.unwrap();
            if version == ProxyVersion::V1 {
                let line = format!(
                    "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
                    checker.port(),
                    address.port()
                );
                heard.resize(line.len(), 0);
                connection.read_exact(&mut heard[16..]).await.unwrap();
                assert_eq!(String::from_utf8(heard).unwrap(), line);
            } else {
                assert_eq!(heard, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
            }
            if check.probe != Probe::Tcp {
                serve(
                    &mut connection,
                    Reply::Says("HTTP/1.1 204 No Content\r\n\r\n"),
                )
                .await;
            }
        };
        let target = Target::Socket(address);
        let (found, ()) = tokio::join!(ask(&target, &manner, "api", &check), hear);
        assert!(found.as_ref().is_some_and(Finding::is_good), "{found:?}");
    }
}

#[tokio::test]
async fn a_check_asks_what_was_configured() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1024];
        let count = connection.read(&mut request).await.unwrap();
        request.truncate(count);
        String::from_utf8(request).unwrap()
    });
    let label = address.to_string();
    let found = ask(
        &Target::Socket(address),
        &Manner::default(),
        &label,
        &http(),
    )
    .await;
    let expected = (Reached::NotHttp, "closed without an answer".to_owned());
    assert_eq!(told(found), Some(expected));
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("GET /ready HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("\r\nHost: {label}\r\n")), "{heard}");
    assert!(
        heard.contains("\r\nUser-Agent: simplon-health\r\n"),
        "{heard}"
    );
}

#[tokio::test]
async fn a_server_goes_down_and_comes_back() {
    let (socket, address) = refusing();
    let other = server(Reply::Silent).await;
    let upstream = build(&spec(&[address, other], tcp()));
    let checked = &upstream.servers()[0];
    assert!(shows(checked, "UP"), "starts up");
    upstream.start_checks();
    until("down", || shows(checked, "DOWN")).await;
    let last = checked.vitals.last_check().unwrap();
    assert_eq!((last.good, &*last.text), (false, "connection refused"));
    assert!(last.took < tcp().timeout);
    assert_eq!(checked.vitals.changes.get(), 1);
    let pick = upstream.pick(None, &Tried::EMPTY, Instant::now()).unwrap();
    assert_eq!(pick.server().index, 1);

    let _listener = socket.listen(8).unwrap();
    until("up", || shows(checked, "UP")).await;
    let vitals = &checked.vitals;
    assert_eq!(vitals.changes.get(), 2);
    assert!(vitals.checks.get() >= vitals.checks_failed.get() + 2);
    assert!(vitals.checks_failed.get() >= 3);
}

#[tokio::test]
async fn first_checks_do_not_wait_for_the_interval() {
    let (_held, address) = refusing();
    let mut health = tcp();
    health.interval = Duration::from_secs(3600);
    health.fall = NonZeroU32::MIN;
    let upstream = build(&spec(&[address; 4], health));
    upstream.start_checks();
    let all_down = || {
        upstream
            .servers()
            .iter()
            .all(|server| shows(server, "DOWN"))
    };
    until("all are down", all_down).await;
}

#[tokio::test]
async fn a_retired_upstream_checks_no_more() {
    let upstream = build(&spec(&[server(Reply::Silent).await], tcp()));
    let vitals = Arc::clone(&upstream.servers()[0].vitals);
    upstream.start_checks();
    until("checked", || vitals.checks.get() > 0).await;
    upstream.retire();
    until("the task is gone", || Arc::strong_count(&vitals) == 2).await;
    upstream.start_checks();
    let seen = vitals.checks.get();
    until("checked again", || vitals.checks.get() > seen).await;
    drop(upstream);
    until("dropping ends it too", || Arc::strong_count(&vitals) == 1).await;
}

#[tokio::test]
async fn there_is_one_task_for_a_server_whoever_starts_it() {
    let old = spec(&[server(Reply::Silent).await], tcp());
    let mut new = old.clone();
    new.retries.attempts = 7;
    let old = build(&old);
    let new = Upstream::build(&new, None, Some(&old), Instant::now());
    let vitals = Arc::clone(&new.servers()[0].vitals);
    let (by_servers_and_here, by_task) = (3, 1);
    old.start_checks();
    old.start_checks();
    assert_eq!(Arc::strong_count(&vitals), by_servers_and_here + by_task);
    new.start_checks();
    let one_task = || Arc::strong_count(&vitals) == by_servers_and_here + by_task;
    until("the first task gave way", one_task).await;
    // The old generation cannot end what the new one has taken over.
    old.retire();
    let seen = vitals.checks.get();
    until("still checked", || vitals.checks.get() > seen + 2).await;
    assert!(one_task());
}

#[tokio::test]
async fn a_server_that_is_checked_no_more_is_forgiven() {
    let (_held, address) = refusing();
    let mut health = tcp();
    health.fall = NonZeroU32::MIN;
    let checked = spec(&[address], health);
    let old = build(&checked);
    old.start_checks();
    until("down", || shows(&old.servers()[0], "DOWN")).await;
    let mut unchecked = checked.clone();
    unchecked.health = None;
    let new = Upstream::build(&unchecked, None, Some(&old), Instant::now());
    assert!(shows(&new.servers()[0], "no check"));
    // Not before it is published: until then the old one serves.
    assert!(shows(&old.servers()[0], "DOWN"));
    new.start_checks();
    assert!(shows(&old.servers()[0], "UP"));
    assert_eq!(new.servers()[0].vitals.last_check(), None);
}

#[test]
fn jitter_stays_within_a_tenth() {
    let span = Duration::from_secs(10);
    for _ in 0..1000 {
        let jittered = jittered(span);
        assert!((Duration::from_secs(9)..=Duration::from_secs(11)).contains(&jittered));
    }
}

#[tokio::test]
async fn maintenance_pauses_checks_and_its_end_begins_with_one() {
    let address = server(Reply::Says("HTTP/1.1 503 No\r\n\r\n")).await;
    let upstream = build(&spec(&[address], http()));
    let server = &upstream.servers()[0];
    let order = |order| {
        let ordered = Ordered {
            order,
            ..Ordered::default()
        };
        server.vitals.follow(ordered, Instant::now());
    };
    upstream.start_checks();
    until("it is down", || shows(server, "DOWN")).await;
    order(Order::Maint);
    // One that had begun may still be counted, but not believed.
    time::sleep(Duration::from_millis(60)).await;
    let before = server.vitals.checks.get();
    time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.vitals.checks.get(), before);
    assert_eq!(server.vitals.last_check(), None);
    order(Order::Ready);
    assert!(shows(server, "UP"));
    until("it is down again", || shows(server, "DOWN")).await;

    // Who is drained is checked.
    order(Order::Drain);
    let before = server.vitals.checks.get();
    until("it is checked", || server.vitals.checks.get() > before + 1).await;
}

#[tokio::test]
async fn a_reload_does_not_end_the_pause() {
    let address = server(Reply::Says("HTTP/1.1 200 OK\r\n\r\n")).await;
    let first = build(&spec(&[address], http()));
    let ordered = Ordered {
        order: Order::Maint,
        ..Ordered::default()
    };
    first.servers()[0].vitals.follow(ordered, Instant::now());
    first.start_checks();
    let mut other = spec(&[address], http());
    other.passive.failures = NonZeroU32::MIN;
    let second = Upstream::build(&other, None, Some(&first), Instant::now());
    second.start_checks();
    first.retire();
    time::sleep(Duration::from_millis(100)).await;
    let vitals = &second.servers()[0].vitals;
    assert_eq!(vitals.checks.get(), 0);
    vitals.follow(Ordered::default(), Instant::now());
    until("it is checked", || vitals.checks.get() > 0).await;
}
