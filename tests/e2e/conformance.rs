//! HTTP/2 as RFC 9113 and RFC 7541 want it from a server: the cases of h2spec, one row each.
//!
//! The numbers and names are h2spec's (version 2.6: 146 cases, and the one more that it plays when it is
//! asked to be strict). For h2spec an end of the connection is as good as the error that should be said
//! before; our proxy has to say it, and with the right code (see `Measure`).
//!
//! To try the table itself, with h2spec's measure, on another server, which answers `GET /` with a few bytes
//! and takes `POST /`:
//!
//! ```text
//! SIMPLON_CONFORMANCE_TARGET=127.0.0.1:8443 SIMPLON_CONFORMANCE_CA=ca.pem \
//!     cargo test -p simplon --test e2e -- conformance --nocapture
//! ```
//!
//! The certificate must be for `localhost`, and signed by the CA in the file. HAProxy 2.6.12 passes all 147.
//! nginx 1.22.1, with files of its own, fails 25: h2spec is known to find as many there.

mod breach;
mod connection;
mod control;
mod exchange;
mod generic;
mod hpack;
mod play;
mod say;

use std::{path::Path, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use self::play::{Measure, Row};
use crate::harness::{Origin, Proxy, Reply, Trust};

/// Connections at a time.
const TOGETHER: usize = 12;

const PROXY: &str = "
    listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

fn table() -> Vec<Row> {
    [
        generic::rows(),
        connection::rows(),
        control::rows(),
        exchange::rows(),
        hpack::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[tokio::test]
async fn every_case_of_h2spec_passes() {
    if let Ok(target) = std::env::var("SIMPLON_CONFORMANCE_TARGET") {
        let port = target.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
        let ca = std::env::var("SIMPLON_CONFORMANCE_CA").unwrap();
        return assert_all_pass(port, Trust::in_file(Path::new(&ca)), Measure::H2Spec).await;
    }
    let origin = Origin::answering(|_| Reply::ok("a body of some length")).await;
    let proxy = Proxy::with(PROXY, &[&origin]).await;
    assert_all_pass(proxy.https(), proxy.trust(), Measure::Exact).await;
}

#[test]
fn every_case_of_h2spec_has_its_row() {
    let table = table();
    let has = |section: &str| {
        let numbers = table.iter().map(|row| row.number);
        let mut of_section = numbers.filter(|number| number.rsplit_once('/').unwrap().0 == section);
        let mut nth = 0;
        while of_section.next() == Some(&format!("{section}/{}", nth + 1)) {
            nth += 1;
        }
        nth
    };
    let mut all = 0;
    for (section, cases) in SECTIONS {
        assert_eq!(has(section), cases, "{section}");
        all += cases;
    }
    assert_eq!((table.len(), all), (147, 147));
}

/// How many cases h2spec has in each section. The second of http2/5.4.1 is the strict one.
const SECTIONS: [(&str, usize); 49] = [
    ("generic/1", 1),
    ("generic/2", 5),
    ("generic/3.1", 3),
    ("generic/3.2", 3),
    ("generic/3.3", 5),
    ("generic/3.4", 1),
    ("generic/3.5", 1),
    ("generic/3.7", 1),
    ("generic/3.8", 1),
    ("generic/3.9", 2),
    ("generic/3.10", 2),
    ("generic/4", 4),
    ("generic/5", 15),
    ("http2/3.5", 2),
    ("http2/4.1", 3),
    ("http2/4.2", 3),
    ("http2/4.3", 3),
    ("http2/5.1", 13),
    ("http2/5.1.1", 2),
    ("http2/5.1.2", 1),
    ("http2/5.3.1", 2),
    ("http2/5.4.1", 2),
    ("http2/5.5", 2),
    ("http2/6.1", 3),
    ("http2/6.2", 4),
    ("http2/6.3", 2),
    ("http2/6.4", 3),
    ("http2/6.5", 3),
    ("http2/6.5.2", 5),
    ("http2/6.5.3", 2),
    ("http2/6.7", 4),
    ("http2/6.8", 1),
    ("http2/6.9", 3),
    ("http2/6.9.1", 3),
    ("http2/6.9.2", 3),
    ("http2/6.10", 6),
    ("http2/7", 2),
    ("http2/8.1", 1),
    ("http2/8.1.2", 1),
    ("http2/8.1.2.1", 4),
    ("http2/8.1.2.2", 2),
    ("http2/8.1.2.3", 7),
    ("http2/8.1.2.6", 2),
    ("http2/8.2", 1),
    ("hpack/2.3.3", 2),
    ("hpack/4.2", 1),
    ("hpack/5.2", 3),
    ("hpack/6.1", 1),
    ("hpack/6.3", 1),
];

/// Plays the whole table, some rows at a time, and names every one that fails.
async fn assert_all_pass(port: u16, trust: Trust, measure: Measure) {
    let seats = Arc::new(Semaphore::new(TOGETHER));
    let mut playing = JoinSet::new();
    let table = table();
    let all = table.len();
    for row in table {
        let (seats, trust) = (Arc::clone(&seats), trust.clone());
        playing.spawn(async move {
            let _seat = seats.acquire().await.unwrap();
            let ended = row.play(port, &trust, measure).await;
            ended.map_err(|why| format!("{} {}: {why}", row.number, row.name))
        });
    }
    let ended = playing.join_all().await;
    let mut failed: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    failed.sort();
    assert!(
        failed.is_empty(),
        "{} of {all} cases pass; these do not:\n  {}",
        all - failed.len(),
        failed.join("\n  ")
    );
}
