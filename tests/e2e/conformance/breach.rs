//! What the proxy finds below the lane is said to the client, and counted.

use super::{
    PROXY,
    say::{PRIORITIZED, weighed},
};
use crate::harness::{
    Frames, Origin, Proxy,
    frames::{
        END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, SETTINGS, frame, headers_block, request,
    },
};

#[tokio::test]
async fn a_breach_of_the_protocol_is_named_and_counted() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(PROXY, &[&origin]).await;
    let whole = END_STREAM | END_HEADERS;
    let block = headers_block(&request("GET", "/"));
    let get = frame(HEADERS, whole, 1, &block);
    let itself = [weighed(1, 255), block].concat();
    let cases = [
        (frame(PING, 0, 0, &[0; 6]), 6, "a frame has the wrong size"),
        (
            [&get[..], &get].concat(),
            5,
            "a stream goes on after its end",
        ),
        (
            frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]),
            3,
            "the initial window is too large",
        ),
        (
            frame(HEADERS, whole | PRIORITIZED, 1, &itself),
            1,
            "a stream depends on itself",
        ),
    ];
    for ((bytes, code, why), nth) in cases.into_iter().zip(1..) {
        let mut frames = Frames::begin(&proxy).await;
        frames.send_bytes(&bytes).await.unwrap();
        let goodbye = frames.rest().await.pop().unwrap();
        assert_eq!((goodbye.kind, goodbye.code()), (GOAWAY, code), "{why}");
        assert_eq!(String::from_utf8_lossy(&goodbye.payload[8..]), why);
        let labels = [("listener", "https"), ("reason", "h2_error")];
        proxy
            .await_metric("simplon_connections_refused_total", &labels, nth)
            .await;
    }
}
