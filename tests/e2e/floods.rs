//! Floods of HTTP/2: what costs us more than whoever sends it is cut off, and nobody else notices.

mod attacks;
mod company;
mod deadlines;
mod endings;
mod headers;
mod memory;
mod resets;
mod shared;

use crate::harness::{Frames, Proxy, frames::SETTINGS};

const WITH_TLS: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

/// As [`WITH_TLS`], with these limits.
fn limited(limits: &str) -> String {
    let listener = format!("tls: intermediate, limits: {{ {limits} }}");
    WITH_TLS.replace("tls: intermediate", &listener)
}

/// A client whose streams have a window of this many bytes.
async fn narrow(proxy: &Proxy, window: u32) -> Frames {
    let mut frames = Frames::begin(proxy).await;
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    frames.send(SETTINGS, 0, 0, &setting).await.unwrap();
    frames
}

/// Connections that were ended under this label.
async fn refused(proxy: &Proxy, label: &str) -> u64 {
    let labels = [("listener", "https"), ("reason", label)];
    let refused = proxy.metric("simplon_connections_refused_total", &labels);
    refused.await.unwrap()
}

/// The proxy says goodbye for this reason, closes, and has counted it.
async fn expect_goodbye(proxy: &Proxy, mut frames: Frames, label: &str) {
    let goodbye = frames.rest().await.pop();
    let goodbye = goodbye.unwrap_or_else(|| panic!("{label}: the connection ends without a word"));
    assert_eq!(
        (goodbye.kind, goodbye.code()),
        (7, 0xb),
        "{label}: {goodbye:?}"
    );
    assert_eq!(String::from_utf8_lossy(&goodbye.payload[8..]), label);
    assert_eq!(refused(proxy, label).await, 1, "{label}");
}
