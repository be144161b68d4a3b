//! Sessions that are resumed, by whomever and for whomever.

use std::time::Instant;

use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::SELF_SIGNED;
use crate::harness::{Hands, Proxy, until};

/// How many clients come twice.
const CLIENTS: usize = 10_000;
/// How many of them come at a time.
const AT_A_TIME: usize = 16;

async fn is_resumed(hands: &Hands, proxy: &Proxy) -> bool {
    let entered = hands.enter(proxy.https(), "localhost").await.unwrap();
    assert_eq!(entered.answer.text(), "secure");
    entered.resumed
}

#[tokio::test]
async fn a_ticket_outlives_a_restart_and_a_reload() {
    let mut proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let trust = proxy.trust();
    for version in [&TLS12, &TLS13] {
        let hands = Hands::speaking(&trust, version);
        assert!(!is_resumed(&hands, &proxy).await, "{version:?}");
        assert!(is_resumed(&hands, &proxy).await, "{version:?}");
        proxy.reload().await;
        assert!(is_resumed(&hands, &proxy).await, "{version:?}");
        proxy = Proxy::in_directory(proxy.leave().await, SELF_SIGNED, &[]).await;
        assert!(is_resumed(&hands, &proxy).await, "{version:?}");
    }
    proxy.logged(|line| line["tls"]["resumed"] == true).await;
}

#[tokio::test]
async fn a_handshake_gives_one_ticket_full_or_resumed() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let hands = Hands::speaking(&proxy.trust(), &TLS13);
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = hands.shake(proxy.https(), "localhost").await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("secure"), "{answer}");
        let session = stream.get_ref().1;
        assert_eq!(session.handshake_kind(), Some(kind));
        assert_eq!(session.tls13_tickets_received(), 1);
    }
}

#[tokio::test]
async fn two_nodes_resume_each_others_sessions() {
    let one = Proxy::with(SELF_SIGNED, &[]).await;
    let shared = format!("{SELF_SIGNED}state: {}\n    ", one.state().display());
    let two = Proxy::with(&shared, &[]).await;
    let hands = Hands::new(&one.trust());
    assert!(!is_resumed(&hands, &one).await);
    assert!(is_resumed(&hands, &two).await);
    assert!(is_resumed(&hands, &one).await);
}

#[tokio::test]
async fn a_node_hears_of_a_key_that_another_has_made() {
    let one = Proxy::with(SELF_SIGNED, &[]).await;
    let shared = format!("{SELF_SIGNED}state: {}\n    ", one.state().display());
    let two = Proxy::with(&shared, &[]).await;
    let keys = one.state().join("tickets.keys");
    let before = std::fs::read(&keys).unwrap();
    std::fs::remove_file(&keys).unwrap();
    until("one of them has made another", async || {
        std::fs::read(&keys).is_ok_and(|now| now != before)
    })
    .await;
    let hands = Hands::new(&one.trust());
    until("both have the same", async || {
        let stranger = hands.without_memory();
        !is_resumed(&stranger, &one).await && is_resumed(&stranger, &two).await
    })
    .await;
}

#[tokio::test]
async fn keys_that_are_lost_cost_a_full_handshake_and_nothing_else() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let hands = Hands::new(&proxy.trust());
    assert!(!is_resumed(&hands, &proxy).await);
    std::fs::remove_file(proxy.state().join("tickets.keys")).unwrap();
    let proxy = Proxy::in_directory(proxy.leave().await, SELF_SIGNED, &[]).await;
    assert!(!is_resumed(&hands, &proxy).await);
    assert!(is_resumed(&hands, &proxy).await);
}

#[tokio::test]
async fn keys_that_cannot_be_kept_are_kept_in_memory_and_told_of_once() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    std::fs::create_dir_all(state.join("tickets.keys")).unwrap();
    let proxy = Proxy::in_directory(directory, SELF_SIGNED, &[]).await;
    let hands = Hands::new(&proxy.trust());
    assert!(!is_resumed(&hands, &proxy).await);
    proxy.reload().await;
    assert!(is_resumed(&hands, &proxy).await);
    let lines = proxy.errors().lines();
    let told = lines
        .iter()
        .filter(|line| line.contains("cannot share the keys of session tickets"));
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn nothing_is_kept_where_nobody_speaks_tls() {
    let proxy = Proxy::with("routes: [{ respond: { body: plain } }]", &[]).await;
    assert_eq!(proxy.get("/").await.text(), "plain");
    assert!(!proxy.state().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_clients_all_are_resumed_after_a_reload() {
    let started = Instant::now();
    let text = format!("{SELF_SIGNED}log: {{ access: off }}\n    ");
    let proxy = Proxy::with(&text, &[]).await;
    let port = proxy.https();
    let stranger = Hands::new(&proxy.trust());
    let hands: Vec<Hands> = (0..CLIENTS).map(|_| stranger.without_memory()).collect();
    // The ticket comes with the answer.
    let ask =
        move |hands: Hands| async move { hands.enter(port, "localhost").await.unwrap().resumed };
    let before = count_resumed(&hands, ask).await;
    proxy.reload().await;
    let shake = move |hands: Hands| async move {
        let stream = hands.shake(port, "localhost").await.unwrap();
        stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    };
    let after = count_resumed(&hands, shake).await;
    eprintln!(
        "resumed: {before} of {CLIENTS} at first, {after} of {CLIENTS} after a reload; {:?}",
        started.elapsed()
    );
    assert_eq!(before, 0);
    assert!(after * 100 >= CLIENTS * 99, "{after}");
}

/// How many of these clients resume a session when they come in this way.
async fn count_resumed<F>(
    hands: &[Hands],
    come: impl Fn(Hands) -> F + Copy + Send + 'static,
) -> usize
where
    F: Future<Output = bool> + Send,
{
    let groups = hands.chunks(CLIENTS.div_ceil(AT_A_TIME)).map(<[_]>::to_vec);
    let one_by_one = |group: Vec<Hands>| async move {
        let mut resumed = 0;
        for hands in group {
            resumed += usize::from(come(hands).await);
        }
        resumed
    };
    let tasks: Vec<_> = groups
        .map(|group| tokio::spawn(one_by_one(group)))
        .collect();
    let mut all = 0;
    for task in tasks {
        all += task.await.unwrap();
    }
    all
}
