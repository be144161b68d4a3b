//! What a handshake pays for its certificate: found by name among 1,000 hosts.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot set up has failed"
)]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use rustls::SignatureScheme;
use simplon::tls::{CertificateStore, Shown, Slot, Source, temporary};

const HOSTS: usize = 1_000;

fn store() -> CertificateStore {
    let mut store = CertificateStore::default();
    let chain = temporary(&["any.test".to_owned()]).unwrap();
    let shown = Shown::new(chain).unwrap();
    for nth in 0..HOSTS {
        let hosts = vec![
            format!("host{nth}.example.ch"),
            format!("*.part{nth}.example.ch"),
        ];
        // Every other name has two, as for ECDSA and RSA.
        for _ in 0..if nth % 2 == 0 { 1 } else { 2 } {
            let slot = Slot::new(hosts.clone(), Source::Files);
            slot.show(shown.clone());
            store.insert(Arc::new(slot), nth == 0);
        }
    }
    store
}

fn certificates(criterion: &mut Criterion) {
    let store = store();
    let schemes = [
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::RSA_PSS_SHA256,
    ];
    let mut group = criterion.benchmark_group("a certificate of 1,000");
    for (what, name) in [
        ("exact", "host500.example.ch"),
        ("in upper case", "HOST500.example.ch"),
        ("wildcard", "a.part500.example.ch"),
        ("of two keys", "host501.example.ch"),
        ("default", "unknown.example.ch"),
    ] {
        group.bench_function(what, |bench| {
            bench.iter(|| store.find(black_box(Some(name)), black_box(&schemes)));
        });
    }
    group.finish();
}

criterion_group!(benches, certificates);
criterion_main!(benches);
