//! Floods of HTTP/2: frames that cost us more than whoever sends them.

use crate::harness::{Frames, Origin, Proxy};

const WITH_TLS: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

#[tokio::test]
async fn frames_written_by_hand_get_an_answer() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    for stream in [1, 3] {
        frames.get(stream, "/").await.unwrap();
        assert_eq!(frames.status(stream).await, Some(200));
    }
}
