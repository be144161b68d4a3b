//! What a reload changes of limits, and what not.

use super::{fields, statuses};
use crate::harness::Proxy;

fn site(limit: &str) -> String {
    format!("routes: [{{ respond: {{ body: here }}, rate_limit: {limit} }}]\n")
}

#[tokio::test]
async fn a_reload_gives_nobody_a_new_start() {
    let proxy = Proxy::with(&site("{ rate: 3/h }"), &[]).await;
    assert_eq!(statuses(&proxy, "/", &[], 2).await, [200, 200]);
    proxy.reload().await;
    proxy.reload().await;
    assert_eq!(statuses(&proxy, "/", &[], 2).await, [200, 429]);
}

#[tokio::test]
async fn a_changed_rate_goes_on_with_what_was_spent() {
    let proxy = Proxy::with(&site("{ rate: 2/h }"), &[]).await;
    assert_eq!(statuses(&proxy, "/", &[], 3).await, [200, 200, 429]);
    // Half an hour's request was spent twice: of four an hour, that is all four.
    proxy.rewrite(&site("{ rate: 4/h }"));
    proxy.reload().await;
    assert_eq!(statuses(&proxy, "/", &[], 1).await, [429]);
    // A larger burst has room at once, and the mode is no part of the state.
    proxy.rewrite(&site("{ rate: 4/h, burst: 6 }"));
    proxy.reload().await;
    assert_eq!(statuses(&proxy, "/", &[], 3).await, [200, 200, 429]);
    proxy.rewrite(&site("{ rate: 4/h, burst: 6, mode: observe }"));
    proxy.reload().await;
    let observed = proxy.get("/").await;
    assert_eq!(observed.status(), 200);
    assert!(
        fields(&observed)[1][0].starts_with("\"default\";r=0;"),
        "{observed:?}"
    );
}

#[tokio::test]
async fn a_limit_that_is_another_begins_anew() {
    let proxy = Proxy::with(&site("{ rate: 1/h }"), &[]).await;
    assert_eq!(statuses(&proxy, "/", &[], 2).await, [200, 429]);
    for other in [
        "{ rate: 1/h, by: route }",
        "{ rate: 1/h, name: other }",
        "{ rate: 1/h, max_keys: 77 }",
    ] {
        proxy.rewrite(&site(other));
        proxy.reload().await;
        assert_eq!(statuses(&proxy, "/", &[], 2).await, [200, 429], "{other}");
    }
}

#[tokio::test]
async fn a_reload_in_vain_changes_no_limit() {
    let proxy = Proxy::with(&site("{ rate: 2/h }"), &[]).await;
    assert_eq!(statuses(&proxy, "/", &[], 1).await, [200]);
    proxy.rewrite(&site("{ rate: 0/h }"));
    proxy.reload_in_vain().await;
    assert_eq!(statuses(&proxy, "/", &[], 2).await, [200, 429]);
}
