//! A server that comes back.

use crate::harness::{Origin, Proxy};

#[tokio::test]
async fn a_server_that_comes_back_does_not_get_its_whole_share_at_once() {
    let steady = Origin::saying("steady").await;
    let mut back = Origin::saying("back").await;
    let text = "
        upstreams:
          web:
            servers: [$1, $2]
            health: { tcp: true, interval: 100ms, rise: 1, fall: 1 }
            slow_start: 1h
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&steady, &back]).await;
    let labels = [("upstream", "web"), ("server", &*back.to_string())];
    let mut client = proxy.client().await;
    let share = async |client: &mut crate::harness::Client| {
        let mut count = 0;
        for _ in 0..60 {
            count += usize::from(client.get("/").await.text() == "back");
        }
        count
    };
    assert_eq!(share(&mut client).await, 30, "not with the process");
    back.stop().await;
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    back.start_again().await;
    proxy.await_metric("simplon_server_up", &labels, 1).await;
    let count = share(&mut client).await;
    assert!(
        (3..=8).contains(&count),
        "{count} of 60 are a tenth of its share"
    );
}
