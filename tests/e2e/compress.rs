//! Compression: who gets which body in which coding, what its fields say, and that not one byte of it is lost.

mod decode;
mod ends;
mod rows;
mod slow;
mod streams;
mod table;
mod whole;

use crate::harness::{Message, Origin, Proxy, Reply};

/// Reachable by plain HTTP and by TLS.
const SITE: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    defaults: { compress: { cpu_guard: false } }
    routes:
      - { path: /off, upstream: web, compress: false }
      - { path: /cookies, upstream: web, compress: { cookies: true, cpu_guard: false } }
      - { path: /gzip, upstream: web, compress: { encodings: [gzip], cpu_guard: false } }
      - { path: /small, upstream: web, compress: { min_size: 10, cpu_guard: false } }
      - { path: /images, upstream: web, compress: { types: ['image/*'], cpu_guard: false } }
      - { path: /fixed, respond: { body: \"$fixed\" } }
      - { path: /brief, respond: { body: brief } }
      - { path: /, upstream: web }
    ";

/// All that these clients take.
const ANY: &str = "accept-encoding: gzip, deflate, br, zstd";

async fn proxy_of(origin: &Origin) -> Proxy {
    Proxy::with(&SITE.replace("$fixed", &fixed()), &[origin]).await
}

/// The answer of a route, long enough.
fn fixed() -> String {
    "A fixed answer, said again. ".repeat(60)
}

/// Text of so many bytes that compresses as JSON does.
fn text(length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 100);
    let mut number: u64 = 1;
    while text.len() < length {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (id, price) = (number >> 40, number >> 52);
        let item = format!(
            "{{\"id\":{id},\"name\":\"item {price}\",\"price\":{price}.5,\"tags\":[\"new\"]}},\n"
        );
        text.extend_from_slice(item.as_bytes());
    }
    text.truncate(length);
    text
}

/// JSON of so many bytes.
fn json(length: usize) -> Reply {
    Reply::ok(text(length)).with("content-type: application/json")
}

/// The length that the path of a request names: `/x/1000`.
fn asked_length(request: &Message) -> usize {
    let last = request.target().rsplit('/').next();
    last.and_then(|last| last.parse().ok()).unwrap_or(8192)
}
