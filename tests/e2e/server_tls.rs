//! TLS to servers: who is believed, and what is never shared.

mod checks;
mod connections;
mod http2;
mod trust;

use tempfile::TempDir;

use crate::harness::{Certificates, Handshake, Message, Origin, Proxy, Reply};

/// One upstream with TLS in front of origins, as `web`; `tls` is what stands under that key.
fn web(tls: &str) -> String {
    format!(
        "
        upstreams: {{ web: {{ servers: [$1], tls: {tls} }} }}
        routes: [{{ upstream: web }}]
        "
    )
}

/// A directory with the authority's certificate as `ca.pem`.
fn knowing(authority: &Certificates) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    authority.write_authority(&directory.path().join("ca.pem"));
    directory
}

/// An origin that says `hello` to who shakes hands.
async fn hello(handshake: &Handshake) -> Origin {
    Origin::secured(handshake, |_: &Message| Reply::ok("hello")).await
}

/// As [`web`], with the authority's certificate as `ca.pem`.
async fn in_front_of(origin: &Origin, authority: &Certificates, tls: &str) -> Proxy {
    Proxy::in_directory(knowing(authority), &web(tls), &[origin]).await
}
