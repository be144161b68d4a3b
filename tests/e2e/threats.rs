//! Rows of the table of threats (SECURITY.md) that no other suite is about.

use std::fs;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use crate::harness::{Load, Origin, Proxy, Reply};

/// What may become of a file on its way: cut, overwritten, repeated, shuffled.
fn damaged(whole: &[u8], count: usize) -> Vec<Vec<u8>> {
    let length = whole.len();
    let damage = (0..4_u8, 0..length, 0..length, any::<u8>()).prop_map(|(how, a, b, byte)| {
        let (from, to) = (a.min(b), a.max(b));
        let mut text = whole.to_vec();
        match how {
            0 => text.truncate(from),
            1 => text[from] = byte,
            2 => drop(text.drain(from..to)),
            _ => text = [&text[..to], &text[from..]].concat(),
        }
        text
    });
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(Config::default().rng_algorithm),
    );
    (0..count)
        .map(|_| damage.new_tree(&mut runner).unwrap().current())
        .collect()
}

#[tokio::test]
async fn a_damaged_file_never_ends_the_edge_nor_costs_a_request() {
    let origin = Origin::saying("hello").await;
    let mut proxy = Proxy::in_front_of(&[&origin]).await;
    let whole = fs::read(proxy.file()).unwrap();
    let load = Load::on(&proxy, 2);
    load.await_more(5).await;
    let mut refused = 0;
    for text in damaged(&whole, 120) {
        fs::write(proxy.file(), &text).unwrap();
        // What still reads well, and leads away from the origin, is the operator's will; so ask `check`.
        let is_good = proxy.command("check").await.code == Some(0);
        if !is_good {
            proxy.reload_in_vain().await;
            refused += 1;
        }
    }
    assert!(proxy.is_running());
    assert!(refused > 50, "only {refused} of 120 were damaged enough");
    assert_eq!(
        proxy.metric("simplon_config_generation", &[]).await,
        Some(1)
    );
    load.await_more(5).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_admin_endpoint_cannot_be_reached_through_the_proxy() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let admin = proxy.admin_port();
    for (target, host) in [
        ("/metrics".to_owned(), "localhost".to_owned()),
        ("/metrics".to_owned(), format!("localhost:{admin}")),
        ("/stats".to_owned(), format!("127.0.0.1:{admin}")),
        (
            format!("http://127.0.0.1:{admin}/metrics"),
            format!("127.0.0.1:{admin}"),
        ),
        ("/x/../metrics".to_owned(), "test".to_owned()),
        (format!("//127.0.0.1:{admin}/metrics"), "test".to_owned()),
    ] {
        let mut client = proxy.client().await;
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        client.send(request).await;
        let answer = client.response().await;
        assert!(!answer.text().contains("simplon_"), "{target} {host}");
        assert!(
            answer.text() == "hello" || answer.status() == 400,
            "{target} {host}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn what_a_server_has_compressed_passes_as_it_is() {
    // Not even valid: whoever unpacked it would stumble.
    let packed: Vec<u8> = (0..4096_u32).map(|byte| (byte * 7 % 251) as u8).collect();
    let body = packed.clone();
    let origin = Origin::answering(move |_| {
        Reply::ok(body.clone())
            .with("content-encoding: gzip")
            .with("etag: \"strong\"")
            .with("vary: accept-encoding")
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    for accept in ["gzip", "br", "identity"] {
        let field = format!("accept-encoding: {accept}");
        let answer = client.ask("GET", "/", &[&field], b"").await;
        assert_eq!(answer.body, packed);
        assert_eq!(answer.field("content-encoding"), Some("gzip"));
        assert_eq!(answer.field("etag"), Some("\"strong\""));
    }
}
