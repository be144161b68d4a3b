//! A disk that is full.

use crate::harness::{Origin, Setup, until};

const TEXT: &str = "
    log: { access: \"file $dir/access.log\" }
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
";

#[tokio::test]
async fn a_full_disk_costs_lines_of_the_access_log_and_no_request() {
    let origin = Origin::saying("hello").await;
    let proxy = Setup::of(TEXT)
        .before(&[&origin])
        .after("trap '' XFSZ; ulimit -S -f 0")
        .start()
        .await;
    let mut client = proxy.client().await;
    for _ in 0..30 {
        assert_eq!(client.get("/lost").await.status(), 200);
    }
    proxy
        .await_metric("simplon_access_log_dropped_total", &[], 30)
        .await;
    let lines = proxy.errors().lines();
    let told = lines
        .iter()
        .filter(|line| line.contains("the access log cannot be written"))
        .count();
    assert_eq!(told, 1, "{lines:#?}");

    proxy.limit_files(None);
    assert_eq!(client.get("/kept").await.status(), 200);
    let file = proxy.directory().join("access.log");
    until("lines are written again", async || {
        let text = std::fs::read_to_string(&file).unwrap();
        text.ends_with('\n') && text.contains("/kept") && !text.contains("/lost")
    })
    .await;
    let dropped = proxy.metric("simplon_access_log_dropped_total", &[]).await;
    assert_eq!(dropped, Some(30));
}

#[tokio::test]
async fn messages_that_cannot_be_written_hinder_nothing() {
    let origin = Origin::saying("hello").await;
    let proxy = Setup::of(TEXT)
        .before(&[&origin])
        .after("exec 2>/dev/full")
        .start()
        .await;
    assert_eq!(proxy.get("/").await.status(), 200);
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.status(), 200);
    assert_eq!(proxy.metric("simplon_panics_total", &[]).await, Some(0));
}
